"""Reading a table: a CSV or Parquet file, or a data set that scikit-learn carries. Imports no torch."""

from __future__ import annotations

import csv
import gzip
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import InputError, did_you_mean
from optimizers.errors import first_line

if TYPE_CHECKING:
    import pandas as pd

CSV = (".csv", ".tsv", ".txt")
PARQUET = (".parquet", ".pq")
SEPARATORS = ",;\t|"
BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")
"""Of scikit-learn, by the second half of the names of their loaders; the target is the column ``target``."""
# What pandas calls a column whose name is missing, and what pyarrow calls an index without one.
UNNAMED = ("Unnamed: ", "__index_level_")


def column_names(path: Path) -> list[str]:
    """Return the names of a file's columns without reading its rows. Raises InputError."""
    _check_file(path)
    if _is_parquet(path):
        from pyarrow import parquet

        with _readable(path):
            return [str(name) for name in parquet.read_schema(path).names]
    with _readable(path):
        names = next(csv.reader([_first_line(path)], delimiter=_separator(path), skipinitialspace=True))
    names = [name.strip() or f"{UNNAMED[0]}{number}" for number, name in enumerate(names)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{path}: two columns are called {twice[0]!r}; give each a name of its own")
    return names


def read_file(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return these columns of a file. Raises InputError for one that cannot be read or that has no rows."""
    import pandas as pd

    _check_file(path)
    with _readable(path):
        if _is_parquet(path):
            from pyarrow import parquet

            frame = parquet.read_table(path, columns=list(columns)).to_pandas(ignore_metadata=True)
        else:
            names = column_names(path)
            with warnings.catch_warnings():
                # Of rows with more fields than there are columns, which would be cut; with `usecols` none is told.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(
                    path,
                    sep=_separator(path),
                    encoding="utf-8-sig",
                    skipinitialspace=True,
                    low_memory=False,
                    header=0,
                    names=names,
                    index_col=False,
                )
    if frame.empty:
        raise InputError(f"{path}: there is no row below the names of the columns")
    return frame[list(columns)]


def read_bundled(name: str) -> pd.DataFrame:
    """Return a data set that scikit-learn carries, with its target in the column ``target``."""
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")(as_frame=True)
    return bunch.frame


def check_columns(there: Sequence[str], wanted: Sequence[str], option: str, where: str) -> None:
    """Raise InputError for a column that an option names and the table lacks."""
    for name in wanted:
        if name not in there:
            few = ", ".join(there[:20]) + (", ..." if len(there) > 20 else "")
            raise InputError(
                f"{where}: there is no column {name!r}, which the option {option} names; there are {few}."
                f"{did_you_mean(name, there)}"
            )


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; correct mlp/table's option file")
    if not (_is_parquet(path) or path.name.lower().removesuffix(".gz").endswith(CSV)):
        raise InputError(f"{path}: this is no table that is read; write it as one of {', '.join((*CSV, *PARQUET))}")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: this file is empty")


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET


def _first_line(path: Path) -> str:
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig") as lines:
        for line in lines:
            if line.strip():
                return line
    raise InputError(f"{path}: this file is empty")


def _separator(path: Path) -> str:
    """The usual one that stands most often between the names of the columns."""
    line = _first_line(path)
    return max(SEPARATORS, key=line.count)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise InputError for what a library says of a file that it cannot read."""
    try:
        yield
    except InputError:
        raise
    except UnicodeDecodeError:
        raise InputError(f"{path}: this is no UTF-8 text; write it as UTF-8") from None
    except (ValueError, EOFError, OSError, csv.Error, Warning) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of the system, not of the file's contents
        raise InputError(f"{path}: this table cannot be read ({first_line(error)})") from None
