"""Put small faults into a copy of the repository, one at a time, and see whether the tests find them.

Run from the repository: ``python tests/by_hand/mutations.py [--full] [--jobs N] [NUMBER ...]``. For each fault, or for
those with these numbers, it prints a line of a table: the test by which the gate finds it and, with ``--full``, the one
by which everything does. Takes some minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# A fault may well never end.
PATIENCE_S = 1800
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "adamant-runs")


@dataclass(frozen=True)
class Fault:
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "wrong sign in a moment",
        "optimizers/moment_adam/_rule.py",
        "memory.short.lerp_(g, 1 - c.beta1)",
        "memory.short.lerp_(g, c.beta1 - 1)",
        ("tests/optimizers/test_moment_adam_rule.py",),
    ),
    Fault(
        "weight decay coupled in place of decoupled",
        "optimizers/moment_adam/coefficients.py",
        'coupled=decays and not group["decoupled"]',
        "coupled=decays",
        ("tests/optimizers/test_moment_adam_special_cases.py", "tests/optimizers/test_moment_adam_rule.py"),
    ),
    Fault(
        "unit of a schedule swapped",
        "optimizers/schedules/_schedule.py",
        'length = steps if full["unit"] == "step" else epochs',
        'length = epochs if full["unit"] == "step" else steps',
        ("tests/optimizers/test_schedules.py", "tests/optimizers/test_registry.py"),
    ),
    Fault(
        "bound off by one",
        "optimizers/domains.py",
        "not self.min <= number <= self.max",
        "not self.min <= number < self.max",
        ("tests/optimizers", "tests/search_spaces/test_sweep_files.py"),
    ),
    Fault(
        "seed not used",
        "trainables/training/training_run.py",
        "self._order_generator = torch.Generator().manual_seed(spec.seed)",
        "self._order_generator = torch.Generator().manual_seed(0)",
        ("tests/trainables/test_training.py",),
    ),
    Fault(
        "test split read in the search",
        "trainables/training/training_run.py",
        'self._evaluate("val", self.data.validation)',
        'self._evaluate("val", self.data.test)',
        ("tests/trainables/test_training.py", "tests/trainables/test_data.py"),
    ),
    Fault(
        "digest of a data cache not checked",
        "trainables/data/array_cache.py",
        'if _checksum(folder) != told["sha256"]:',
        'if len(_checksum(folder)) != len(told["sha256"]):',
        ("tests/trainables/test_data.py", "tests/trainables/test_damage.py"),
    ),
    Fault(
        "a resume trains again what its checkpoint holds",
        "trainables/tune/trial.py",
        "if state is not None:\n            self._load(",
        "if state is not None and recorded is None:\n            self._load(",
        ("tests/trainables/test_trial.py",),
    ),
    Fault(
        "a rung dropped",
        "cluster/ray/schedulers.py",
        "while grace < epochs:",
        "while grace * sweep.scheduler.eta < epochs:",
        ("tests/cluster/test_schedulers.py",),
    ),
    Fault(
        "wrong direction of a goal",
        "search_spaces/study/study.py",
        'sign = 1 if self._goals[0] == "minimize" else -1',
        'sign = -1 if self._goals[0] == "minimize" else 1',
        ("tests/search_spaces/test_study.py",),
    ),
    Fault(
        "a pruned trial counted as failed",
        "search_spaces/study/searcher.py",
        'result.get("outcome/status", Status.PRUNED)',
        'result.get("outcome/status", Status.FAILED)',
        ("tests/search_spaces/test_searcher.py", "tests/cluster/test_simulation.py"),
    ),
    Fault(
        "a metric written twice after a resume",
        "cluster/tracking/run_description.py",
        '(name, value, int(point["timestamp"]), int(point["step"]))',
        '(name, value, __import__("time").time_ns() // 1_000_000, int(point["step"]))',
        ("tests/cluster/test_tracking.py", "tests/cluster/test_faults.py"),
    ),
    Fault(
        "a sweep's lock left out",
        "cluster/storage/sweep_folder.py",
        "lock.acquire(timeout=0)",
        "_ = lock.is_locked",
        ("tests/cluster/test_storage.py",),
    ),
    Fault(
        "a moved storage folder kept absolute",
        "cluster/storage/locations.py",
        "return _with_path(location, path.relative_to(storage))",
        "return _with_path(location, path)",
        ("tests/cluster/test_storage.py",),
    ),
    Fault(
        "replay compares nothing",
        "cluster/run/replay.py",
        "if repeated.get((name, step)) != value",
        "if repeated.get((name, step)) != repeated.get((name, step))",
        ("tests/cluster/test_sweep.py",),
    ),
    Fault(
        "wrong exit code",
        "cluster/console/command_line.py",
        "FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130",
        "FAILED, BAD_INPUT, INTERRUPTED = 1, 1, 130",
        ("tests/cluster/test_bad_input.py",),
    ),
    Fault(
        "an incomplete sweep ends as if it were whole",
        "adamant.py",
        "code = 0 if all(arm.scores for verdict in verdicts for arm in verdict.arms) else FAILED",
        "code = 0 if any(arm.scores for verdict in verdicts for arm in verdict.arms) else FAILED",
        ("tests/cluster/test_sweep.py",),
    ),
    Fault(
        "link with the wrong port",
        "search_spaces/tracking/links.py",
        'return f"http://{UI_HOST}:{port}"',
        'return f"http://{UI_HOST}:{UI_PORT}"',
        ("tests/search_spaces/test_links.py",),
    ),
    Fault(
        "an override that reaches another arm",
        "search_spaces/schema/yaml_source.py",
        "return Document(_unshared(loader.construct_document(node)), source",
        "return Document(loader.construct_document(node), source",
        ("tests/search_spaces/test_overrides.py", "tests/search_spaces/test_yaml_source.py"),
    ),
    Fault(
        "a configuration tried twice",
        "search_spaces/study/study.py",
        "if configuration is not None and key_of(configuration) not in self._tried:",
        "if configuration is not None:",
        ("tests/search_spaces/test_study.py", "tests/search_spaces/test_samplers.py"),
    ),
    Fault(
        "wrong level of an interval",
        "analysis/statistics/intervals.py",
        "widen = special.stdtrit(_freedom(keyed), (1 + level) / 2) / normal",
        "widen = special.stdtrit(_freedom(keyed), level) / normal",
        ("tests/analysis/test_calibration.py",),
    ),
    Fault(
        "pairs of different seeds",
        "analysis/statistics/intervals.py",
        "differences = {key: arm[key] - baseline[key] for key in sorted(arm.keys() & baseline.keys())}",
        "keys = sorted(arm.keys() & baseline.keys())\n"
        "    differences = {key: arm[key] - baseline[other] for key, other in zip(keys, keys[::-1], strict=True)}",
        ("tests/analysis/test_statistics.py", "tests/analysis/test_calibration.py"),
    ),
)


def found_by(fault: Fault, full: bool) -> str:
    """The test that fails first on a copy with the fault; empty when none does."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "adamant"
        shutil.copytree(REPOSITORY, copy, ignore=LEFT_OUT, symlinks=True)
        file = copy / fault.file
        file.write_text(file.read_text(encoding="utf-8").replace(fault.old, fault.new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *fault.tests]
        ended = subprocess.run(
            [*command, *(["--full"] if full else [])],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", ended.stdout, re.MULTILINE)
        if ended.returncode not in (0, 1) or (ended.returncode == 1) != (named is not None):
            raise RuntimeError(ended.stdout + ended.stderr)
        return named[1].removeprefix("tests/") if named else ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="also by everything that --full runs")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("numbers", type=int, nargs="*")
    asked = parser.parse_args()
    numbers = asked.numbers or range(1, len(FAULTS) + 1)
    extents = [False, True] if asked.full else [False]
    for fault in FAULTS:
        if (times := (REPOSITORY / fault.file).read_text(encoding="utf-8").count(fault.old)) != 1:
            sys.exit(f"{fault.file} holds the text of the fault {fault.what!r} {times} times, not once: write it anew")
    print("| | fault | found by the gate |" + (" found by everything |" if asked.full else ""))
    print("|" + "---|" * (2 + len(extents)))
    with ThreadPoolExecutor(asked.jobs) as pool:
        jobs = {number: [pool.submit(found_by, FAULTS[number - 1], full) for full in extents] for number in numbers}
        for number, results in jobs.items():
            told = " | ".join(result.result() or "NOT FOUND" for result in results)
            print(f"| {number} | {FAULTS[number - 1].what} | {told} |", flush=True)


if __name__ == "__main__":
    main()
