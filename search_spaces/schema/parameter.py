"""One hyperparameter of a space: how it is drawn, and what it may be."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from optimizers import InputError
from optimizers.errors import Meanings
from search_spaces.schema import _usual_names, bounds
from search_spaces.schema.strict_model import Model


def _not_nan(value: float) -> float:
    if math.isnan(value):
        raise ValueError("must be a number, not nan")
    return value


# Infinity is among the values of some hyperparameters, such as the order of a moment.
Number = Annotated[float, Field(allow_inf_nan=True), AfterValidator(_not_nan)]
Scalar = bool | int | Number | str

NUMERIC_DISTRIBUTIONS = ("uniform", "log_uniform", "one_minus_log_uniform", "int_uniform", "int_log_uniform")
INTEGER_DISTRIBUTIONS = ("int_uniform", "int_log_uniform")
# Bounds are floating-point numbers, which hold whole numbers exactly up to here.
MAX_INTEGER = 2**53
Distribution = Literal[
    "uniform",
    "log_uniform",
    "log_uniform_values",
    "one_minus_log_uniform",
    "int_uniform",
    "int_log_uniform",
    "categorical",
    "constant",
]


class Parameter(Model):
    """One hyperparameter: a distribution between ``min`` and ``max``, ``values`` to choose from, or one ``value``."""

    meanings: ClassVar[Meanings] = _usual_names.PARAMETER

    distribution: Distribution | None = Field(
        default=None, description="how values between min and max are drawn; not needed beside values or value"
    )
    min: float | str | None = Field(
        default=None, description="smallest value; a formula of other parameters may stand for it, such as beta1 ** 2"
    )
    max: float | str | None = Field(default=None, description="largest value, or a formula")
    values: list[Scalar] | None = Field(
        default=None, description="a choice between these", min_length=1, max_length=10_000
    )
    value: Scalar | None = Field(default=None, description="one fixed value")
    default: Scalar | None = Field(
        default=None, description="value in the arm's first trial; else the optimizer's own default"
    )
    when: dict[str, Scalar | list[Scalar]] = Field(
        default_factory=dict, description="active only while each named parameter has one of these values"
    )

    @model_validator(mode="before")
    @classmethod
    def _infer_distribution(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        if data.get("distribution") == "log_uniform_values":
            data["distribution"] = "log_uniform"
        if data.get("distribution") is None:
            if "values" in data:
                data["distribution"] = "categorical"
            elif "value" in data:
                data["distribution"] = "constant"
        return data

    @model_validator(mode="after")
    def _check_shape(self) -> Parameter:
        given = {key for key in ("min", "max", "values", "value") if getattr(self, key) is not None}
        if self.distribution is None:
            raise ValueError(
                f"needs a distribution ({', '.join(NUMERIC_DISTRIBUTIONS)}) with min and max, or values, or value"
            )
        wanted = {"categorical": {"values"}, "constant": {"value"}}.get(self.distribution, {"min", "max"})
        if given != wanted:
            raise ValueError(
                f"{self.distribution} takes {' and '.join(sorted(wanted))}, and nothing else beside default and when"
            )
        try:
            for formula in self.formulas:
                bounds.names(formula)
            if isinstance(self.min, float) and isinstance(self.max, float):
                self.check_range(self.min, self.max)
        except InputError as error:
            raise ValueError(str(error)) from None
        if self.formulas and self.distribution in INTEGER_DISTRIBUTIONS:
            raise ValueError(f"min and max must be whole numbers for {self.distribution}, not formulas")
        if self.default is not None and not self.contains(self.default):
            raise ValueError(f"default {self.default!r} is not among what the parameter may be")
        return self

    def contains(self, value: Scalar) -> bool:
        """Whether the parameter can take this value, as far as numbers bound it."""
        if self.min is not None and self.max is not None:
            low, high = (bound if isinstance(bound, float) else value for bound in (self.min, self.max))
            return isinstance(value, int | float) and low <= value <= high  # pyright: ignore[reportOperatorIssue]
        return value == self.value if self.values is None else value in self.values

    @property
    def formulas(self) -> tuple[str, ...]:
        """Bounds that are calculated from other parameters."""
        return tuple(bound for bound in (self.min, self.max) if isinstance(bound, str))

    def check_range(self, low: float, high: float) -> None:
        """Raise InputError where no value lies between the bounds, or the distribution knows none there."""
        if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)):
            raise InputError(f"min and max must be finite numbers (min is {low:g}, max is {high:g})")
        if low > high or (low == high and not self.formulas):
            raise InputError(f"min ({low:g}) must be smaller than max ({high:g})")
        if self.distribution in ("log_uniform", "int_log_uniform") and low <= 0:
            raise InputError(
                f"min must be greater than 0 for {self.distribution}, as log(0) is not finite (min is {low:g})"
            )
        if self.distribution == "one_minus_log_uniform" and high >= 1:
            raise InputError(f"max must be smaller than 1 for one_minus_log_uniform (max is {high:g})")
        if self.distribution in INTEGER_DISTRIBUTIONS and not (low.is_integer() and high.is_integer()):
            raise InputError(f"min and max must be whole numbers for {self.distribution}")
        if self.distribution in INTEGER_DISTRIBUTIONS and max(-low, high) > MAX_INTEGER:
            raise InputError(f"min and max must lie between -2^53 and 2^53 for {self.distribution}")
