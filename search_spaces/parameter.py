"""One hyperparameter of a space: how it is drawn, and what it may be."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from optimizers import InputError
from search_spaces import bounds
from search_spaces.model import Model

Scalar = bool | int | float | str

NUMERIC_DISTRIBUTIONS = ("uniform", "log_uniform", "one_minus_log_uniform", "int_uniform", "int_log_uniform")
INTEGER_DISTRIBUTIONS = ("int_uniform", "int_log_uniform")
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

    distribution: Distribution | None = Field(
        default=None, description="how values between min and max are drawn; not needed beside values or value"
    )
    min: float | str | None = Field(
        default=None, description="smallest value; a formula of other parameters may stand for it, such as beta1 ** 2"
    )
    max: float | str | None = Field(default=None, description="largest value, or a formula")
    values: list[Scalar] | None = Field(default=None, description="a choice between these", min_length=1)
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
