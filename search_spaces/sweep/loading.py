"""From a sweep's text to a :class:`Sweep`, with everything that is wrong in it: where, what and what would be right."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import optimizers
from optimizers import InputError, Problem, raise_any
from optimizers.errors import Path as KeyPath
from optimizers.files import check_sealed_text
from optimizers.user_code import CodeBundle
from search_spaces.schema.parameter import Scalar
from search_spaces.schema.sweep_file import SweepFile
from search_spaces.schema.validation import checked, no_name, shown
from search_spaces.schema.yaml_source import Document, read_text, read_yaml
from search_spaces.space.ready_files import SWEEPS
from search_spaces.space.space import owner_of
from search_spaces.sweep._code import code_of, read_code
from search_spaces.sweep._filling import filled, is_whole
from search_spaces.sweep._overrides import apply_overrides, apply_size
from search_spaces.sweep._workload_checks import goal_problems, workload_problems
from search_spaces.sweep.resolved import NO_CODE, Sweep
from search_spaces.sweep.sweep_checks import problems_of_sweep, reserved_name
from trainables.mlflow_contract import STEPS_TO_TARGET, SWEEP_FILE, TRAIN_SECONDS

Check = Callable[[SweepFile], Iterable[Problem]]
# Where one of these is missing or wrong, the rest of the file is still checked.
_STAND_INS = {"name": "unnamed", "baseline": "unnamed", "optimizer": "unnamed", "arms": {"unnamed": {}}}


def load_sweep(
    path_or_name: str, overrides: Sequence[str] = (), size: str | None = None, code: CodeBundle | None = None
) -> Sweep:
    """Read a sweep file, or a ready sweep by its name, in one of its sizes and with ``--set`` assignments applied.

    Raises InputError when there is no such sweep, or with everything that is wrong in it. See :func:`parse_sweep` for
    ``code``.
    """
    path = _find(path_or_name)
    return parse_sweep(read_text(path), str(path), overrides, size, path.parent, code)


def parse_sweep(
    text: str,
    source: str = SWEEP_FILE,
    overrides: Sequence[str] = (),
    size: str | None = None,
    folder: Path = Path(),
    code: CodeBundle | None = None,
) -> Sweep:
    """Return the sweep that a YAML text asks for; ``source`` names the text in errors.

    The code that it uses is read in ``folder`` and looked at as text. Where it is given as ``code`` it is made
    importable in this process, and the sweep is checked against what it defines.

    Raises InputError with everything that is wrong, in the order of the lines.
    """
    document = read_yaml(text, source)
    duplicates = document.duplicates
    if size is not None:
        document = apply_size(document, size, SweepFile)
    document = apply_overrides(document, overrides, SweepFile)
    checks = (reserved_name, problems_of_sweep, workload_problems, goal_problems)
    file, problems = _read(document, duplicates)
    found, unreadable = (code, []) if code is not None else read_code(file, folder)
    if unreadable:
        raise_any([*problems, *unreadable])
    with code_of(file, found, execute=code is not None):
        _check(file, problems, checks)
        return Sweep.of(filled(file, folder), found)


def recorded_sweep(text: str, source: str, code: CodeBundle | None = None, *, execute: bool = False) -> Sweep:
    """Return a sweep as it was recorded, with the goals and budgets that it was run with.

    ``code`` is what it uses, where that is at hand; ``execute`` makes it importable in this process.

    Raises InputError for a text that is not as it was written, and with everything that is wrong in it. Whether its
    workloads still take it is asked by :func:`check_workloads`, before anything is trained.
    """
    try:
        check_sealed_text(text)
    except ValueError as error:
        raise InputError(
            f"{source}: this file is damaged, or was edited ({error}); restore it from a copy, or delete that line "
            "where it is as you want it"
        ) from None
    document = read_yaml(text, source)
    file, problems = _read(document, document.duplicates)
    with code_of(file, code, execute):
        _check(file, problems, (problems_of_sweep,))
        return Sweep.of(file if is_whole(file) else filled(file), code or NO_CODE)


def ready_sweep(name: str) -> Sweep:
    """Return a registered sweep to be listed: read, and not checked against every corner of its spaces.

    Raises InputError with everything that is wrong in its text.
    """
    path = _find(name)
    document = read_yaml(read_text(path), str(path))
    file, problems = _read(document, document.duplicates)
    raise_any(problems)
    return Sweep.of(filled(file))


def check_workloads(sweep: Sweep) -> None:
    """Raise InputError where a recorded sweep and its workloads no longer go together."""
    raise_any(workload_problems(sweep.file))


def with_starts(sweep: Sweep, starts: dict[str, list[dict[str, Scalar]]]) -> Sweep:
    """Return a sweep whose arms try further configurations first. Raises InputError where they cannot."""
    file = sweep.file.with_starts(starts)
    raise_any(problems_of_sweep(file))
    return Sweep.of(file, sweep.code)


def _read(document: Document, duplicates: Sequence[Problem]) -> tuple[SweepFile, list[Problem]]:
    """Return what a document says, without what is wrong in itself, and what that is, its ``duplicates`` first.

    Raises InputError where nothing is left.
    """
    if not isinstance(document.data, dict):
        raise document.error((), "a sweep is a mapping with name, workload, baseline and arms")
    found = checked(SweepFile, document, partial(_wording, document), _STAND_INS)
    file = found.value
    if file is None:
        raise InputError(*duplicates, *found.problems)
    file._document, file._broken = document, found.broken
    return file, [*duplicates, *found.problems]


def _check(file: SweepFile, problems: Sequence[Problem], checks: Sequence[Check]) -> None:
    """Raise InputError with what was wrong already, and with all that the checks find."""
    raise_any([*problems, *itertools.chain.from_iterable(check(file) for check in checks)])


def _find(path_or_name: str) -> Path:
    if path_or_name.endswith((".yaml", ".yml")) or "/" in path_or_name:
        path = Path(path_or_name)
        if not path.is_file():
            raise InputError(f"{path_or_name}: there is no such sweep file")
        return path
    if path_or_name not in SWEEPS:
        raise InputError(
            f"{path_or_name}: neither a sweep file (*.yaml) nor a ready sweep ({', '.join(SWEEPS.names())})."
            f"{SWEEPS.nearest(path_or_name)}"
        )
    return SWEEPS.get(path_or_name).path


def _wording(document: Document, path: KeyPath, details: Mapping[str, Any]) -> str | None:
    """What a sweep says better than the general sentence."""
    given, told = details["input"], None
    match path, details["type"]:
        case ("tradeoffs", *_), "string_pattern_mismatch":
            told = (
                "a search looks at the validation split alone, val/..., and at "
                f"{TRAIN_SECONDS} and {STEPS_TO_TARGET}, not at {given!r}"
            )
        case (*_, "metric", "name"), "string_pattern_mismatch":
            hint = "" if "/" in given else f' Did you mean "val/{given}"?'
            told = f"a search looks at the validation split alone, val/..., not {given!r}.{hint}"
        case ("name" | "baseline",), "string_pattern_mismatch":
            told = no_name(given)
        case ("arms", arm, "parameters", str() as name), "model_type":
            told = _not_a_parameter(document, str(arm), name, given)
        case ("arms", _, "parameters", _, "values", int()), _ if given is None:
            told = "null cannot be searched; what can be switched off is switched off by off, as in values: [off, 1]"
        case ("arms", _, "parameters", _, "values", int()), _ if isinstance(given, list | dict):
            told = (
                f"must be a number, a text, or true or false, not {shown(given)}: a parameter has one value at a time"
            )
        case ("arms", _, "space"), "list_type" if isinstance(given, str):
            told = f"must be a list; write [{given}]"
        case ("arms", arm, str() as name), "extra_forbidden" if _is_hyperparameter(document, str(arm), name):
            form = f"{{{name}: {_form(given)}}}"
            told = f"unknown key; hyperparameters stand below parameters: write parameters: {form}"
    return told


def _not_a_parameter(document: Document, arm: str, name: str, given: object) -> str:
    """What to say of a parameter that is no mapping, which may be none of the optimizer's either."""
    entry = _optimizer(document, arm)
    form = f"write {{distribution: ..., min: ..., max: ...}} to search a range, or {_form(given)}"
    if entry is None or owner_of(name, entry.hyperparameters)[1] in {*entry.hyperparameters, "training"}:
        return f"must be a mapping; {form}"
    together = entry.tuples.get(name, ())
    if isinstance(given, list) and len(given) == len(together):
        alone = ", ".join(f"{one}: {_form(value)}" for one, value in zip(together, given, strict=True))
        return f"{entry.name} takes {name} one by one: write {alone}"
    return f"{entry.unknown(name).message} It must be a mapping; {form}"


def _form(given: object) -> str:
    """How a fixed value, or several to choose from, are written."""
    if isinstance(given, list):
        return f"{{values: {shown(given)}}}"
    return "{value: ...}" if given is None or isinstance(given, dict) else f"{{value: {shown(given)}}}"


def _is_hyperparameter(document: Document, arm: str, name: str) -> bool:
    entry = _optimizer(document, arm)
    return entry is not None and name in entry.hyperparameters


def _optimizer(document: Document, arm: str) -> optimizers.OptimizerEntry | None:
    try:
        return optimizers.get(document.data["arms"][arm]["optimizer"])
    except (InputError, KeyError, TypeError):
        return None
