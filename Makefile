# Every target creates .venv with pip when it is missing or older than what it is made from.
.PHONY: demo check test test-all faults lint types layers audit tests-quick tests-gate tests-full format bench constraints
PYTHON ?= python3
VENV := .venv
AUDIT := .venv-audit
STAMP := $(VENV)/.installed
WORKERS ?= 2
ROUNDS ?= 10
# The tests start hundreds of processes, each of which would otherwise compile every module again.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(VENV)/bin/pytest -n $(WORKERS) --durations=20
TOGETHER := $(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target

demo: $(STAMP)
	$(VENV)/bin/adamant run quickstart --set name=quickstart-$$(date +%Y%m%d-%H%M%S)

# Each of the three runs its parts side by side, and shows the output of each whole when it has ended.
# pyproject.toml says which tests the marks stand for.
check: $(STAMP)
	$(TOGETHER) tests-quick lint types layers

test: $(STAMP)
	$(TOGETHER) tests-gate lint types layers

test-all: $(STAMP)
	$(TOGETHER) tests-full lint types layers audit
	$(VENV)/bin/pytest --full -m alone --durations=20
	$(MAKE) --no-print-directory faults

# Faults at random moments of small sweeps; the seed that is printed repeats what is drawn.
faults: $(STAMP)
	$(VENV)/bin/adamant faults --rounds $(ROUNDS)

tests-quick: $(STAMP)
	$(PYTEST) -m "not cluster and not browser"

tests-gate: $(STAMP)
	$(PYTEST)

tests-full: $(STAMP)
	$(PYTEST) --full -m "not alone"

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(STAMP)
	$(VENV)/bin/basedpyright

layers: $(STAMP)
	$(VENV)/bin/lint-imports

# Known vulnerabilities of the exact versions that are tested. Where the advisories cannot be reached it says so, and passes.
audit:
	test -x $(AUDIT)/bin/pip-audit || ($(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/pip install --quiet "pip-audit>=2.10,<3")
	$(AUDIT)/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip --progress-spinner off

format: $(STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(STAMP)
	$(VENV)/bin/python -m benchmarks

# The exact versions that were tested, and the digests that the index has of their files. What is pinned already stays.
constraints:
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable . --group dev
	$(VENV)/bin/pip freeze --all --exclude-editable --exclude adamant-sweeps --exclude pip > constraints.txt
	$(VENV)/bin/uv pip compile --quiet --no-deps --generate-hashes --no-annotate --no-header constraints.txt --output-file requirements.lock
	touch $(STAMP)

$(STAMP): pyproject.toml requirements.lock
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)/bin/pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(VENV)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	$(VENV)/bin/pip check
	touch $(STAMP)
