"""Numbers, products and texts that nobody means are refused before any work is done with them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from optimizers import InputError
from optimizers.domains import Integer, Integers, OrOff
from search_spaces import parse_sweep
from search_spaces.schema.workload_keys import Workload
from search_spaces.schema.yaml_source import load_documents, load_yaml
from search_spaces.sweep.loading import recorded_sweep
from trainables.workloads.catalogue import WORKLOADS
from trainables.workloads.training_options import TRAINING

SWEEP = """
name: limits
workload: {name: mlp/digits}
baseline: adam
arms: {adam: {optimizer: adam, space: [lr]}}
"""
PRIME = 999_999_999_989
# Of the processor: work that grows with such numbers takes minutes.
MOST_S = 10.0


def bound(domain: Any) -> float | None:
    """The greatest whole number that an option may be; None for options of other kinds."""
    inner = domain.domain if isinstance(domain, OrOff) else domain
    return inner.max if isinstance(inner, Integer | Integers) else None


def test_every_size_that_a_workload_offers_has_an_upper_bound() -> None:
    """Of what a sweep file can name, memory and processes are made."""
    bounds = {
        f"{entry.name}: {name}": bound(option.domain)
        for entry in WORKLOADS.entries()
        for name, option in {**TRAINING, **entry.options}.items()
    }
    assert {name: most for name, most in bounds.items() if most == math.inf} == {}
    assert sum(most is not None for most in bounds.values()) > 50


@contextmanager
def quickly() -> Iterator[None]:
    """Fail where something takes longer than reading any sweep does."""
    began = time.process_time()
    yield
    assert time.process_time() - began < MOST_S


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("workload.epochs", 10**12),
        ("workload.steps", 10**13),
        ("workload.batch_size", 10**12),
        ("search.trials", 10**9),
        ("search.studies", 10**7),
        ("search.points", 10**8),
        ("search.window", 10**9),
        ("scheduler.grace", 10**12),
        ("scheduler.eta", 10**9),
        ("confirm.top_k", 10**9),
        ("resources.cpu", 10**9),
        ("resources.gpu", 1e300),
        ("resources.workers", 10**9),
        ("resources.checkpoint_seconds", 1e-300),
        ("resources.checkpoint_seconds", 1e300),
        ("workload.epochs", 2**1000),
    ],
)
def test_a_number_beyond_anything_is_refused_at_its_key(key: str, value: float) -> None:
    with quickly(), pytest.raises(InputError, match=rf"{key}: must be at (most|least) "):
        parse_sweep(SWEEP, "s.yaml", [f"{key}={json.dumps(value)}"])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("confirm.seeds", list(range(1, 12_001)), "confirm.seeds: "),
        ("search.further_seeds", list(range(1, 12_001)), "search.further_seeds: "),
        (
            "arms.adam.parameters",
            {f"training.p{number}": {"values": [1, 2]} for number in range(1_500)},
            "arms.adam.parameters: ",
        ),
        (
            "arms.adam.parameters.lr",
            {"values": list(range(1, 10_500))},
            "parameters.lr.values: ",
        ),
    ],
)
def test_a_list_beyond_anything_is_refused_at_its_key(key: str, value: Any, message: str) -> None:
    data = yaml.safe_load(SWEEP)
    inside = data
    *above, last = key.split(".")
    for part in above:
        inside = inside.setdefault(part, {})
    inside[last] = value
    with quickly(), pytest.raises(InputError, match=f"{message}must have at most"):
        parse_sweep(json.dumps(data))


@pytest.mark.parametrize(
    "keys",
    [
        {"search.studies": 1000, "search.trials": 100_000},
        {"search.studies": 1000, "confirm.top_k": 1000, "confirm.seeds": list(range(1, 1001))},
        {"confirm.top_k": 100_000, "confirm.seeds": list(range(1, 1001))},
    ],
)
def test_a_product_beyond_anything_is_refused_before_lists_are_made_of_it(keys: dict[str, Any]) -> None:
    with quickly(), pytest.raises(InputError, match=r"search.trials: the sweep would train [\d,]+ times"):
        parse_sweep(SWEEP, "s.yaml", [f"{key}={json.dumps(value)}" for key, value in keys.items()])


def test_a_grid_of_very_many_points_is_refused_before_it_is_made() -> None:
    with quickly(), pytest.raises(InputError, match="the grid of adam has more than 16 configurations"):
        parse_sweep(SWEEP, "s.yaml", ["search={method: grid, points: 100000}"])


def test_how_often_a_large_prime_of_steps_is_evaluated_is_known_at_once() -> None:
    with quickly():
        assert Workload(name="x", steps=PRIME).evaluations == 1
        parse_sweep(SWEEP, "s.yaml", [f"workload.steps={PRIME}"])
    assert Workload(name="x", steps=5_000).interval == 250
    # The smallest divisor that is a twentieth or more.
    for steps in range(1, 2_000):
        expected = next(size for size in range(max(1, steps // 20), steps + 1) if steps % size == 0)
        assert Workload(name="x", steps=steps).interval == expected


def test_evaluations_beyond_anything_are_refused() -> None:
    with quickly(), pytest.raises(InputError, match="at most 1,000,000 are made"):
        parse_sweep(SWEEP, "s.yaml", ["workload.steps=10000000", "workload.evaluate_every=1"])


HUGE = {
    "decimal": "9" * 5_000,
    "hexadecimal": "0x" + "f" * 90_000,
    "octal": "0o" + "7" * 90_000,
    "grouped": "9" + "_9" * 40_000,
    "float": "1." + "9" * 90_000,
}


@pytest.mark.parametrize("number", HUGE)
def test_a_number_of_very_many_digits_is_refused_on_its_line(number: str) -> None:
    with quickly(), pytest.raises(InputError, match=r"s\.yaml:3: not valid YAML: a number of more than 400 digits"):
        parse_sweep(f"name: x\nsearch:\n  trials: {HUGE[number]}\n", "s.yaml")


@pytest.mark.parametrize("number", ["1" + ":59" * 30_000, "1" + ":59" * 30_000 + ".5", "0b" + "1" * 90_000])
def test_the_numbers_of_yaml_1_1_too(number: str) -> None:
    with quickly(), pytest.raises(InputError, match="a number of more than 400 digits"):
        load_documents(f"x: {number}", "x.yaml")


def bomb(levels: int, last: str) -> str:
    """Aliases of aliases: ten of the level before on each."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {last.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("last", ["[{}]", "{{<<: [{}]}}", "{{x: [{}]}}"], ids=["lists", "merges", "values"])
@pytest.mark.parametrize("read", [load_yaml, load_documents])
def test_aliases_of_aliases_are_refused_before_they_are_unfolded(last: str, read: Any) -> None:
    text = bomb(20, last)
    assert len(text) < 2_000
    with quickly(), pytest.raises(InputError, match="its aliases unfold to more than 50,000 values"):
        read(text, "x.yaml")


def test_aliases_in_the_key_of_a_mapping_are_refused_before_they_are_unfolded() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 22)), "? *a21\n: 1"]
    with quickly(), pytest.raises(InputError, match=r"unfold to more than|a key must be a name"):
        load_yaml("\n".join(lines), "x.yaml")
    with quickly(), pytest.raises(InputError, match="a key must be a name"):
        load_yaml("? &a [[x, x], [x, x]]\n: 1\n", "x.yaml")


@pytest.mark.parametrize(
    "name", ["mlflow.db", "mlflow.db-journal", "mlflow.db-wal", "mlflow.db-shm", "study.journal", "study.journal.lock",
             "study.journal.lock.123", "mlflow-artifacts", "data"]
)  # fmt: skip
def test_no_sweep_has_the_name_of_a_file_of_the_storage(name: str) -> None:
    with pytest.raises(InputError, match="is kept for Adamant's own files; choose another name"):
        parse_sweep(SWEEP.replace("limits", name))


def test_a_sweep_that_was_recorded_under_such_a_name_is_still_read() -> None:
    assert recorded_sweep(SWEEP.replace("limits", "study.journal.x"), "s.yaml").name == "study.journal.x"
