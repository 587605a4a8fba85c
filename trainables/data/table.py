"""Tables with a column to predict: a CSV or Parquet file, or a data set that scikit-learn carries. Imports no torch.

15 % of the rows validate and as many test, of every class its share; the rows are drawn by a fixed seed, so a table has
one split. Rows that are equal but for the target are always in the same split. See `_table_columns` for what becomes
of the columns. Targets of a regression are standardised by the training rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import InputError
from trainables.data import _table_files as files
from trainables.data._table_columns import Column, all_numbers, column_of, encoded, mean_and_deviation, row_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from trainables.data.array_cache import Contents
    from trainables.data.splits import DataSet

CLASSIFICATION, REGRESSION, AUTO = "classification", "regression", "auto"
BUNDLED = files.BUNDLED
HELD_OUT = 0.15
FEWEST_ROWS, FEWEST_OF_A_CLASS = 20, 3
MOST_CLASSES = 20
"""Whole numbers of which there are more count as numbers to be predicted, where nothing else is said."""
# Of how tables are read and split; another one is other data.
VERSION = 1


def check(root: Path, **options: Any) -> None:
    """Raise InputError, naming the file, unless there is a table with the columns that the options name.

    ``root`` does not matter: a file is named by its full path.
    """
    if options["file"] is not None:
        _features(files.column_names(Path(options["file"])), options)


def load(root: Path, **options: Any) -> DataSet:
    """Inputs as of `_table_columns.encoded` and targets; ``schema`` has their widths and, of a regression, the target's
    mean and deviation.
    """
    from trainables.data.splits import opened

    return opened(store(root, **options))


def store(root: Path, **options: Any) -> Path:
    """The cache folder of the table, made where it is missing; imports no torch. Raises InputError."""
    from trainables.data.array_cache import ensure_cached, identity_of

    source = identity_of([options["file"]]) if options["file"] is not None else _bundled_version()
    key = json.dumps([VERSION, source, options], sort_keys=True)
    return ensure_cached("table", key, lambda: _contents(**options))


def complete(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the task that follows from the target column, where the table is there.

    A table that is not there, or that has no such column, is told of with the data.
    """
    options = {**options, "dataset": None if options["file"] is not None else options["dataset"]}
    for name in ("drop", "categories"):
        if options["target"] in options[name]:
            raise InputError(f"mlp/table: {options['target']!r} is the target, so {name} cannot name it.").about(name)
    if options["dataset"] is None and options["file"] is None:
        raise InputError("mlp/table: it needs a file or a dataset; dataset is off and no file is named.").about(
            "dataset"
        )
    if options["task"] == AUTO:
        with suppress(InputError, OSError):
            options["task"] = _task(options)
    return options


def _task(options: dict[str, Any]) -> str:
    if options["file"] is None:
        return _task_of_bundled(options["dataset"], options["target"])
    return _task_of_file(options["file"], options["target"], Path(options["file"]).stat().st_mtime_ns)


@lru_cache
def _task_of_bundled(name: str, target: str) -> str:
    frame = files.read_bundled(name)
    files.check_columns([str(column) for column in frame.columns], [target], "target", name)
    return _task_of(frame[target])


@lru_cache(maxsize=8)
def _task_of_file(file: str, target: str, _changed: int) -> str:
    files.check_columns(files.column_names(Path(file)), [target], "target", file)
    return _task_of(files.read_file(Path(file), [target])[target])


def _task_of(target: pd.Series) -> str:
    """Texts, truth values and up to MOST_CLASSES different whole numbers are classes."""
    import pandas as pd

    known = target.dropna()
    if isinstance(target.dtype, pd.CategoricalDtype) or not all_numbers(known):
        return CLASSIFICATION
    values = known.astype("float64")
    return CLASSIFICATION if (values % 1 == 0).all() and values.nunique() <= MOST_CLASSES else REGRESSION


def _bundled_version() -> str:
    from importlib.metadata import version

    return f"scikit-learn {version('scikit-learn')}"


def _features(there: Sequence[str], options: dict[str, Any]) -> list[str]:
    """The columns to predict from. Raises InputError."""
    where = options["file"] or options["dataset"]
    for option in ("drop", "categories"):
        files.check_columns(there, options[option], option, where)
    files.check_columns(there, [options["target"]], "target", where)
    left = [name for name in there if name not in (options["target"], *options["drop"])]
    if not left:
        raise InputError(f"{where}: no column is left to predict {options['target']!r} from")
    unnamed = next((name for name in left if name.startswith(files.UNNAMED)), None)
    if unnamed is not None:
        raise InputError(
            f"{where}: a column has no name, as one of row numbers that pandas writes; name it, or drop it by "
            f'workload.options.drop: ["{unnamed}"]'
        )
    return left


def _contents(**options: Any) -> Contents:
    import numpy as np
    import pandas as pd

    from trainables.data.array_cache import Contents

    where = options["file"] or options["dataset"]
    if options["file"] is None:
        frame = files.read_bundled(options["dataset"])
        features = _features([str(name) for name in frame.columns], options)
        digest = hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()
    else:
        path = Path(options["file"])
        features = _features(files.column_names(path), options)
        frame = files.read_file(path, [*features, options["target"]])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = frame[options["target"]]
    task = _task_of(target) if options["task"] == AUTO else options["task"]
    targets, classes = _target(target, task, where)
    columns = [column_of(frame[name], where, name in options["categories"]) for name in features]
    groups = _groups(columns)
    splits = _split(groups, targets if task == CLASSIFICATION else None, target, where)
    inputs, schema = encoded(columns, splits["train"], where)
    if not np.isfinite(inputs).all():
        raise InputError(f"{where}: a column has numbers so far apart that they cannot be standardised")
    if task == REGRESSION:
        mean, deviation = mean_and_deviation(targets[splits["train"]])
        targets = ((targets - mean) / deviation).astype(np.float32)
        schema = {**schema, "mean": mean, "deviation": deviation}
    repeated = len(groups) - (int(groups.max()) + 1)
    told = {name: options[name] for name in ("target", "drop", "categories")}
    return Contents(
        {name: (inputs[rows], targets[rows]) for name, rows in splits.items()},
        note=f"{repeated} of {len(groups)} rows repeat others; equal rows are in the same split" if repeated else "",
        fingerprint=hashlib.sha256(json.dumps([VERSION, digest, task, told], sort_keys=True).encode()).hexdigest(),
        classes=classes,
        schema={"task": task, **schema},
    )


def _target(target: pd.Series, task: str, where: str) -> tuple[np.ndarray, int]:
    """The target as the numbers of its classes and how many there are or, of a regression, as float64 and 1."""
    import numpy as np

    what = f"{where}: the target {str(target.name)!r}"
    if target.isna().any():
        raise InputError(f"{what} is missing in {row_of(target.isna())}; leave out the rows whose target is not known")
    is_number = all_numbers(target)
    if task == REGRESSION:
        if not is_number:
            raise InputError(f"{what} is not a number in every row, as task: regression needs")
        values = target.astype("float64")
        if (infinite := values.abs() == np.inf).any():
            raise InputError(f"{what} is infinite in {row_of(infinite)}")
        if mean_and_deviation(values.to_numpy())[1] == 0:
            raise InputError(f"{what} is {values.iloc[0]:g} in every row; there is nothing to predict")
        return values.to_numpy(), 1
    if is_number and (parts := target.astype("float64") % 1 != 0).any():
        raise InputError(
            f"{what} is {target[parts.to_numpy()].iloc[0]:g} in {row_of(parts)}, and classes are texts or whole "
            "numbers; write task: regression to predict a number"
        )
    names, classes = np.unique(target.to_numpy(dtype=float) if is_number else target.astype(str), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"{what} has one class, {names[0]!s}, in every row; there is nothing to predict")
    return classes, len(names)


def _groups(columns: Sequence[Column]) -> np.ndarray:
    """For each row the number of those that are equal to it, counted from 0 in the order in which they come."""
    import pandas as pd

    hashes = pd.util.hash_pandas_object(pd.DataFrame({one.name: one.values for one in columns}), index=False)
    return pd.factorize(hashes)[0]


def _split(groups: np.ndarray, classes: np.ndarray | None, target: pd.Series, where: str) -> dict[str, np.ndarray]:
    """The rows of each split, ascending; a group goes with the class of its first row. Raises InputError."""
    import numpy as np

    from trainables.data.array_cache import SPLIT_SEED, SPLITS

    _, first = np.unique(groups, return_index=True)
    if len(first) < FEWEST_ROWS:
        raise InputError(f"{where}: there are {len(first)} different rows, at least {FEWEST_ROWS} are needed")
    generator, split_of = np.random.default_rng(SPLIT_SEED), np.zeros(len(first), dtype=np.int64)
    of_group = np.zeros(len(first), dtype=np.int64) if classes is None else classes[first]
    for one in range(1 if classes is None else int(classes.max()) + 1):
        own = generator.permutation(np.flatnonzero(of_group == one))
        if len(own) < FEWEST_OF_A_CLASS:
            name = target[(classes == one)].iloc[0]
            raise InputError(
                f"{where}: class {name!s} of the target {str(target.name)!r} has {len(own)} different rows; each class "
                f"needs at least {FEWEST_OF_A_CLASS}, one for each split"
            )
        held_out = max(1, round(HELD_OUT * len(own)))
        split_of[own[:held_out]], split_of[own[held_out : 2 * held_out]] = 2, 1
    return {name: np.flatnonzero(split_of[groups] == number) for number, name in enumerate(SPLITS)}
