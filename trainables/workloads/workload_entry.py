"""What is known of a workload before it is loaded. Importing this imports no torch."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from optimizers import InputError
from trainables.mlflow_contract import Prefix
from trainables.spec import Goal
from trainables.workloads.training_options import (
    TRAINING,
    Options,
    checked,
    missing_file,
    paths_among,
    places_among,
)

if TYPE_CHECKING:
    from trainables.data.passes import Size
    from trainables.data.splits import DataSet
    from trainables.workloads.workload import Workload


class DataSource(Protocol):
    """The data of a workload: a module of ``trainables.data``, or what reads a user's own.

    It may also have ``store(root)``, which makes the cache that ``load`` opens without importing torch, and
    ``fetch(root)``, which downloads what is missing.
    """

    def check(self, root: Path, **options: Any) -> None:
        """Raise InputError, naming what is missing, unless the data is in ``root``; quick, and without torch."""
        ...

    def load(self, root: Path, **options: Any) -> DataSet:
        """Return the three splits. Raises InputError."""
        ...


@dataclass(frozen=True)
class OnlyWith:
    """When a metric is measured: where the option is set or, if there are ``values``, where it has one of them.

    ``undecided`` is a value of the option that will become another one when the data is there: until then the metric
    counts as measured.
    """

    option: str
    values: tuple[Any, ...] = ()
    undecided: Any = None

    def holds(self, value: Any) -> bool:
        """Whether it is measured where the option has this value."""
        return value in (*self.values, self.undecided) if self.values else bool(value)

    def __str__(self) -> str:
        """Such as "inception" or "task: regression"."""
        return f"{self.option}: {' or '.join(map(str, self.values))}" if self.values else self.option


@dataclass(frozen=True)
class WorkloadEntry:
    """What a reader and a sweep need to know of a workload before it is loaded.

    ``target`` is "module:Class" of the workload; ``data_module`` is the module that is its :class:`DataSource`.
    ``metrics`` are those of the validation split and which way each is better; ``optional_metrics`` names those that
    are measured only under some options. ``parts`` names the parts of the model that have an optimizer
    each, where there are more than one. ``score`` is the test metric that the verdict compares, the same as one of
    ``metrics`` on the other split; where options leave that one out, it is the first of ``other_scores`` that they do
    not. ``score_note``, a sentence, says what else must be known to read it. ``epochs``
    and ``batch_size`` hold where a sweep gives none, ``training`` is put over the defaults of how a run is trained, and
    ``options`` are what else a sweep may set; those that ``data_options`` names say which data is loaded.
    ``complete`` takes and returns all options in their canonical form: it fills in what follows from the others or from
    the data, and raises InputError for values that do not go together. ``batches`` returns how many make a pass over
    the training data, by its size, the batch size and the options, as the workload's feed has them. An entry that is
    ``open_ended`` may have more options and metrics than it tells.
    """

    name: str
    target: str
    data_module: str
    model: str
    data: str
    metrics: Mapping[str, Goal]
    score: str
    epochs: int
    batch_size: int
    reference: str
    score_note: str = ""
    parts: tuple[str, ...] = ()
    other_scores: tuple[str, ...] = ()
    optional_metrics: Mapping[str, OnlyWith] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    data_options: tuple[str, ...] = ()
    complete: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    batches: Callable[[Size, int, Mapping[str, Any]], int] | None = None
    open_ended: bool = False

    @property
    def source(self) -> DataSource:
        """Where its data comes from."""
        module: Any = importlib.import_module(self.data_module)
        return module

    @property
    def origin(self) -> str:
        """Where it is defined."""
        return self.target

    def metrics_with(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The metrics of the validation split under these options."""
        return tuple(name for name in self.metrics if self._is_measured(name, options))

    def _is_measured(self, metric: str, options: Mapping[str, Any]) -> bool:
        condition = self.optional_metrics.get(metric)
        if condition is None:
            return True
        return condition.holds(options.get(condition.option, self.options[condition.option].default))

    def score_with(self, options: Mapping[str, Any]) -> tuple[str, Goal]:
        """The score under these options, and which way it is better."""
        for score in (self.score, *self.other_scores):
            metric = score.replace(Prefix.TEST, Prefix.VALIDATION, 1)
            if self._is_measured(metric, options):
                return score, self.metrics[metric]
        raise ValueError(f"{self.name} measures none of its scores with {dict(options)}")

    @property
    def train_losses(self) -> tuple[str, ...]:
        """What is minimized, as a mean over the training data."""
        return tuple(f"{Prefix.TRAIN}{part}_loss" for part in self.parts) or (f"{Prefix.TRAIN}loss",)

    def check_training(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """How a run is trained, every option in its canonical form. Raises InputError."""
        return checked({**self.training, **given}, TRAINING, f"{self.name}: training")

    def check_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The workload's own options, every one in its canonical form. Raises InputError."""
        unknown = {name: value for name, value in given.items() if self.open_ended and name not in self.options}
        known = {name: value for name, value in given.items() if name not in unknown}
        values = {**checked(known, self.options, self.name), **unknown}
        return values if self.complete is None else self.complete(values)

    def absolute(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Return the options with those that are relative paths put into a folder."""
        paths = [name for name in paths_among(self.options) if isinstance(options.get(name), str | Path)]
        return {**options, **{name: str(folder / Path(options[name]).expanduser()) for name in paths}}

    def places_among(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that name a file or folder wherever it may be, and not one of the data folder."""
        return places_among(options, self.options)

    def load(self, options: Mapping[str, Any] | None = None) -> Workload:
        """The workload itself with its options; imports torch."""
        return pkgutil.resolve_name(self.target)(self.check_options(options or {}))

    def check_data(self, root: Path, options: Mapping[str, Any] | None = None) -> None:
        """Raise InputError, naming the file and what would be right, unless the data can be had; imports no torch."""
        with _readable():
            self.source.check(root, **self._data_options(options))
        values = self.check_options(options or {})
        missing = missing_file(values, self.options)
        if missing is not None:
            wanted = f"{self.name}'s option {missing} ({self.options[missing].description})"
            raise InputError(f"{values[missing]}: there is no such file; correct {wanted}, or leave it out")

    def obtain_data(self, root: Path, options: Mapping[str, Any] | None = None) -> None:
        """As :meth:`check_data`, after downloading what can be downloaded where nothing of it is there.

        Data that lies in files is read whole, once, into this machine's cache: some faults show in no other way.
        """
        fetch, store = getattr(self.source, "fetch", None), getattr(self.source, "store", None)
        if fetch is not None:
            fetch(root)
        self.check_data(root, options)
        if store is not None:
            with _readable():
                store(root, **self._data_options(options))

    def is_recorded_data(self, fingerprint: str, root: Path, options: Mapping[str, Any] | None = None) -> bool:
        """Whether a run that recorded ``fingerprint`` was on the data that is in ``root`` now; imports no torch."""
        from trainables.data.array_cache import open_stored

        store = getattr(self.source, "store", None)
        if store is None:  # it comes with a package
            return True
        with _readable():
            return open_stored(store(root, **self._data_options(options))).is_recorded_as(fingerprint)

    @property
    def fetches_data(self) -> bool:
        """Whether its data can be downloaded."""
        return hasattr(self.source, "fetch")

    def load_data(self, root: Path, options: Mapping[str, Any] | None = None) -> DataSet:
        """The three fixed splits, memory-mapped and shared by all processes of a node."""
        with _readable():
            return self.source.load(root, **self._data_options(options))

    def steps_per_pass(self, root: Path, options: Mapping[str, Any] | None, batch_size: int) -> int:
        """Return the optimizer steps of a pass over the training data. Raises InputError.

        Imports torch only where the entry has no ``batches``, or where its data is in no cache.
        """
        from trainables.data.array_cache import train_size

        store = getattr(self.source, "store", None)
        if self.batches is None or store is None:
            data = self.load_data(root, options)
            return self.load(options).with_data(data).feed(data.train, batch_size).steps_per_epoch
        with _readable():
            size = train_size(store(root, **self._data_options(options)))
        return self.batches(size, batch_size, self.check_options(options or {}))

    def _data_options(self, options: Mapping[str, Any] | None) -> dict[str, Any]:
        values = self.check_options(options or {})
        return {name: values[name] for name in (values if self.open_ended else self.data_options)}


@contextmanager
def _readable() -> Iterator[None]:
    """Raise InputError for a file of the data that the system does not let this user read."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename or 'the data'}: cannot be read ({error.strerror or error})") from None
