# Every target creates .venv with pip when it is missing or older than what it is made from.
.PHONY: demo test lint format bench constraints
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

demo: $(STAMP)
	$(VENV)/bin/adamant run quickstart --set name=quickstart-$$(date +%Y%m%d-%H%M%S)

test: lint
	$(VENV)/bin/pytest

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/basedpyright
	$(VENV)/bin/lint-imports

format: $(STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(STAMP)
	$(VENV)/bin/python -m benchmarks

# The exact versions that were tested, from the environment as it stands.
constraints: $(STAMP)
	$(VENV)/bin/pip freeze --exclude-editable --exclude adamant-sweeps > constraints.txt

$(STAMP): pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable . --group dev
	touch $(STAMP)
