"""The columns of a table as numbers and categories, and as the inputs of a net. Imports no torch.

Numbers are standardised by mean and deviation of the training rows. A missing one is at the mean; where the training
rows lack some of a column, another column of 0 and 1 says which. Truth values are numbers. The categories of a column
are counted from 1 in the order of their names, a missing one among them if the training rows have it; 0 is one that
the training rows do not have.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optimizers import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}( .*)?")
MISSING = ""
"""The category of a value that is missing; an empty text counts as such."""
# A column of texts of which most are not found twice, and which are so many, says nothing of other rows.
MOST_DISTINCT, SHARE_DISTINCT = 20, 0.5


@dataclass(frozen=True)
class Column:
    """A column of a table: ``values`` are float64 with nan for what is missing or, of categories, texts."""

    name: str
    values: pd.Series
    is_number: bool


def column_of(series: pd.Series, where: str, as_category: bool) -> Column:
    """Return a column of a table. Raises InputError, naming column and row, for what it cannot be made of."""
    import pandas as pd

    name, what = str(series.name), f"{where}: column {str(series.name)!r}"
    known = series.dropna()
    if known.empty:
        raise InputError(f"{what} is empty; drop it by the option drop")
    if as_category or isinstance(series.dtype, pd.CategoricalDtype):
        return Column(name, _names(series), False)
    if all_numbers(known):
        values = series.astype("float64")
        if (infinite := values.abs() == math.inf).any():
            raise InputError(f"{what} is infinite in {row_of(infinite)}; leave out what is not known")
        return Column(name, values, True)
    kinds = {type(value) for value in known}
    if pd.api.types.is_datetime64_any_dtype(series) or any(issubclass(k, date | time | timedelta) for k in kinds):
        raise _holds_dates(what)
    if kinds != {str}:
        told = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(f"{what} holds values that are neither numbers nor texts ({told}); drop it by the option drop")
    _check_texts(series, known, what)
    return Column(name, _names(series), False)


def all_numbers(known: pd.Series) -> bool:
    """Whether these values, none of them missing, are numbers or truth values."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(known):
        return not pd.api.types.is_complex_dtype(known)
    return known.dtype == object and all(isinstance(value, numbers.Real | Decimal) for value in known)


def row_of(which: pd.Series) -> str:
    """Such as "row 5" for the first of these rows; they are counted from 1, below the names of the columns."""
    return f"row {int(which.to_numpy().argmax()) + 1}"


def _names(series: pd.Series) -> pd.Series:
    names = series.map(str, na_action="ignore").astype(object)
    return names.where(series.notna(), MISSING)


def _check_texts(series: pd.Series, known: pd.Series, what: str) -> None:
    import pandas as pd

    is_number = pd.to_numeric(known, errors="coerce").notna()
    if 0.5 < is_number.mean() < 1:
        other = known[~is_number].index[0]
        raise InputError(
            f"{what} holds {known[other]!r} in {row_of(pd.Series(series.index == other))}, and numbers in most others; "
            "leave out what is not known, or name the column in the option categories"
        )
    if all(_DATE.fullmatch(str(value).strip()) for value in known):
        raise _holds_dates(what)
    if (distinct := known.nunique()) > max(MOST_DISTINCT, SHARE_DISTINCT * len(known)):
        raise InputError(
            f"{what} has {distinct} different texts in {len(known)} rows, which say nothing of other rows; drop it by "
            "the option drop, or name it in the option categories"
        )


def _holds_dates(what: str) -> InputError:
    return InputError(
        f"{what} holds dates or times; write them as numbers, such as days since a first one, or drop it by the option "
        "drop"
    )


def encoded(columns: Collection[Column], train: np.ndarray, where: str) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Return inputs (rows, width), float32, and how many of them are numbers and how many categories the others have.

    First come the columns of numbers, then those that say which are missing, then the categories' numbers. ``train``
    are the training rows. Raises InputError for a column that has no value in them.
    """
    import numpy as np

    plain = [_standardised(column, train, where) for column in columns if column.is_number]
    missing = [
        column.values.isna().to_numpy()
        for column in columns
        if column.is_number and column.values.iloc[train].isna().any()
    ]
    categories = [_numbered(column, train) for column in columns if not column.is_number]
    inputs = np.stack(
        [*plain, *missing, *(codes for codes, _ in categories)], axis=1, dtype=np.float32, casting="unsafe"
    )
    return inputs, {"numbers": len(plain) + len(missing), "categories": [count for _, count in categories]}


def mean_and_deviation(values: np.ndarray) -> tuple[float, float]:
    """Return both to the last bit, whatever the machine adds up at once; a deviation of rounding errors alone is 0."""
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((values - mean) ** 2) / len(values))
    return mean, 0.0 if deviation <= 1e-14 * abs(mean) else deviation


def _standardised(column: Column, train: np.ndarray, where: str) -> np.ndarray:
    import numpy as np

    values = column.values.to_numpy()
    known = values[train]
    known = known[~np.isnan(known)]
    if not known.size:
        raise InputError(
            f"{where}: column {column.name!r} has no value in the training rows; drop it by the option drop"
        )
    mean, deviation = mean_and_deviation(known)
    return np.nan_to_num((values - mean) / (deviation or 1.0), nan=0.0)


def _numbered(column: Column, train: np.ndarray) -> tuple[np.ndarray, int]:
    known = sorted(set(column.values.iloc[train]))
    number_of = {name: number for number, name in enumerate(known, start=1)}
    return column.values.map(number_of).fillna(0).to_numpy(), len(known)
