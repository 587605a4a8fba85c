"""The entry of a user's own workload, a :class:`trainables.Task`: from the class, or from its source alone.

Importing this imports no torch.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import InputError
from trainables.mlflow_contract import Prefix
from trainables.workloads._described_class import described_class
from trainables.workloads._signature_options import is_plain, option
from trainables.workloads.training_options import Options, paths_among
from trainables.workloads.workload_entry import DataSource, WorkloadEntry

if TYPE_CHECKING:
    from trainables.data.splits import DataSet
    from trainables.workloads.task import Task

_GOALS = ("minimize", "maximize")
_DEFAULTS: Mapping[str, Any] = {
    "metrics": {"val/loss": "minimize"}, "score": "", "epochs": 10, "batch_size": 32, "training": {}, "part_names": (),
}  # fmt: skip
"""Attributes of a class that defines none."""


@dataclass(frozen=True)
class OwnEntry(WorkloadEntry):
    """The entry of a user's class; without ``task`` it is known from its source alone, which is not to be executed."""

    task: type[Task] | None = field(default=None, repr=False)

    @property
    def source(self) -> DataSource:
        if self.task is None:
            raise InputError(f"{self.name}: its data is read by code of the sweep's own, which is not executed here")
        return _DataOfTask(self)

    def check_data(self, root: Path, options: Mapping[str, Any] | None = None) -> None:
        super().check_data(root, options)
        values = self.check_options(options or {})
        for name in paths_among(self.options):
            if values[name] is not None and not Path(values[name]).exists():
                raise InputError(f"{values[name]}: there is no such file; correct {self.name}'s option {name}")

    def load(self, options: Mapping[str, Any] | None = None) -> Task:
        """A task with its options; imports torch and executes the user's code. Raises InputError where it fails."""
        from trainables.workloads.user_errors import errors_of_method

        if self.task is None:
            raise InputError(f"{self.name} is code of the sweep's own, which is not executed here")
        values = self.check_options(options or {})
        paths = {name: Path(values[name]) for name in paths_among(self.options) if values[name] is not None}
        with errors_of_method(self.task, "__init__"):
            return self.task(**{**values, **paths})

    def is_recorded_data(self, fingerprint: str, root: Path, options: Mapping[str, Any] | None = None) -> bool:
        return self.load_data(root, options).is_recorded_as(fingerprint)


@dataclass(frozen=True)
class _DataOfTask:
    """The data of a task, as a module of ``trainables.data`` has it."""

    entry: OwnEntry

    def check(self, root: Path, **options: Any) -> None:
        """Nothing that could be known before it is read."""

    def load(self, root: Path, **options: Any) -> DataSet:
        from trainables.workloads.task import read_data

        return read_data(self.entry.load(options), root)


def entry_of(target: str, cls: Any) -> WorkloadEntry:
    """Return the entry of a user's class, which goes by its name "module:Class" in a sweep.

    In place of a class there may be an entry of the user's own making. Raises InputError for anything else, and for a
    class that lacks a method or whose attributes are not as :class:`trainables.Task` has them.
    """
    from trainables.workloads.task import Task

    if isinstance(cls, WorkloadEntry):
        return replace(cls, name=target)
    if not (isinstance(cls, type) and issubclass(cls, Task)):
        kind = f"is a {type(cls).__name__}" if not isinstance(cls, type) else "is another class"
        raise InputError(f"{target} must be a subclass of trainables.Task, or a trainables.WorkloadEntry, and {kind}")
    missing = [name for name in ("data", "build_model") if name in cls.__abstractmethods__]
    if cls.loss is Task.loss and cls.parts is Task.parts:
        missing.append("loss")
    if missing:
        raise InputError(f"{target} lacks {', '.join(missing)}, which every trainables.Task defines")
    options: dict[str, Any] = {}
    takes_any = False
    for name, one in inspect.signature(cls).parameters.items():
        if one.kind is one.VAR_KEYWORD:
            takes_any = True
        elif one.kind is not one.VAR_POSITIONAL and (one.default is one.empty or is_plain(one.default)):
            annotation = _text_of(one.annotation)
            options[name] = option(annotation, *(() if one.default is one.empty else (one.default,)))
    attributes = {name: getattr(cls, name) for name in _DEFAULTS}
    return _entry(target, attributes, options, _first_line(cls.__doc__), takes_any, cls)


def described(target: str, source: str | None) -> WorkloadEntry:
    """Return the entry of a user's class as far as its source tells it, of which nothing is executed.

    What the source does not say plainly may be anything: such an entry is ``open_ended``, as is that of a class whose
    source is not at hand. Raises InputError as :func:`entry_of` for what is plainly wrong.
    """
    found = None if source is None else described_class(target, ast.parse(source), _DEFAULTS)
    if found is None:
        return _entry(target, _DEFAULTS, {}, "", open_ended=True)
    attributes = {**_DEFAULTS, **found.attributes}
    return _entry(target, attributes, found.options, _first_line(found.doc), found.open_ended)


def _entry(
    target: str,
    attributes: Mapping[str, Any],
    options: Options,
    what: str,
    open_ended: bool,
    task: type[Task] | None = None,
) -> OwnEntry:
    metrics, score = attributes["metrics"], attributes["score"]
    if not isinstance(metrics, Mapping) or not metrics:
        raise InputError(f'{target}: metrics must be a mapping such as {{"val/loss": "minimize"}}, got {metrics!r}')
    for name, goal in metrics.items():
        if not isinstance(name, str) or not name.startswith(Prefix.VALIDATION) or name == Prefix.VALIDATION:
            raise InputError(f'{target}: metrics: {name!r} must begin with "val/", as in "val/loss"')
        if goal not in _GOALS:
            raise InputError(f'{target}: metrics: {name} must be "minimize" or "maximize", got {goal!r}')
    scores = [name.replace(Prefix.VALIDATION, Prefix.TEST, 1) for name in metrics]
    if score and score not in scores:
        raise InputError(f"{target}: score must be one of {', '.join(scores)}, got {score!r}")
    for name in ("epochs", "batch_size"):
        if not isinstance(attributes[name], int) or attributes[name] < 1:
            raise InputError(f"{target}: {name} must be a whole number >= 1, got {attributes[name]!r}")
    entry = OwnEntry(
        name=target,
        target=target,
        data_module=target,
        model=what or target.rpartition(":")[2],
        data=f"as {target} returns it",
        metrics=dict(metrics),
        score=score or scores[0],
        epochs=attributes["epochs"],
        batch_size=attributes["batch_size"],
        reference="",
        parts=tuple(attributes["part_names"]),
        training=dict(attributes["training"]),
        options=options,
        data_options=tuple(options),
        open_ended=open_ended,
        task=task,
    )
    entry.check_training({})
    return entry


def _text_of(annotation: Any) -> str:
    """An annotation as it stands in the source, or would; "" where there is none."""
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _first_line(doc: str | None) -> str:
    return inspect.cleandoc(doc or "").partition("\n")[0].rstrip(".")
