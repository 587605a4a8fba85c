"""The sweep file: one question, its arms and its budget, as validated models.

The schema is the contract with users; JSON Schema for editors comes from the same models.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from optimizers import InputError
from search_spaces import bounds
from search_spaces.yaml_source import Document

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]
Scalar = bool | int | float | str
Setting = Scalar | list[float | int] | None

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


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Parameter(_Model):
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


class Workload(_Model):
    name: str = Field(description="a workload of `adamant list workloads`, for example mlp/mnist")
    epochs: int | None = Field(
        default=None,
        ge=1,
        description="passes over the training split in one full trial; the workload's own when left out",
    )
    steps: int | None = Field(default=None, ge=1, description="optimizer steps of one full trial, in place of epochs")
    evaluate_every: int | None = Field(
        default=None,
        ge=1,
        description="with steps: optimizer steps from one evaluation to the next, a divisor of steps; a twentieth when "
        "left out. Evaluations then stand for epochs, also in the scheduler's grace",
    )
    batch_size: int | None = Field(
        default=None, ge=1, description="examples per optimizer step; the workload's own when left out"
    )
    training: dict[str, Setting] = Field(
        default_factory=dict, description="how every trial is trained, for example lr_schedule: cosine"
    )
    options: dict[str, Setting] = Field(
        default_factory=dict, description="the workload's own options, see `adamant list workloads NAME`"
    )

    @model_validator(mode="after")
    def _check_budget(self) -> Workload:
        if self.steps is None:
            if self.evaluate_every is not None:
                raise ValueError("evaluate_every goes with steps; a budget in epochs is evaluated after each of them")
            return self
        if self.epochs is not None:
            raise ValueError("give the budget as epochs or as steps, not as both")
        if self.steps % self.interval:
            raise ValueError(f"steps ({self.steps}) must be a multiple of evaluate_every ({self.interval})")
        return self

    @property
    def interval(self) -> int:
        """Optimizer steps from one evaluation to the next, of a budget in steps."""
        steps = self.steps or 0
        return self.evaluate_every or next(size for size in range(max(1, steps // 20), steps + 1) if steps % size == 0)

    @property
    def evaluations(self) -> int | None:
        """How often a full trial is evaluated: its epochs, or what stands for them."""
        return self.epochs if self.steps is None else self.steps // self.interval

    @property
    def budget(self) -> str:
        """In words, such as "20 epochs" or "5,000 steps, evaluated every 250"."""
        if self.steps is not None:
            return f"{self.steps:,} steps, evaluated every {self.interval:,}"
        return f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"


class Metric(_Model):
    name: str = Field(
        default="val/loss", description="metric of the validation split that the search looks at", pattern=r"^val/"
    )
    goal: Literal["minimize", "maximize"] = "minimize"
    target: float | None = Field(default=None, description="value whose first crossing is timed (steps to target)")


class Arm(_Model):
    optimizer: str = Field(description="an optimizer of `adamant list optimizers`")
    space: list[str] = Field(
        default_factory=list,
        description="named spaces of `adamant list spaces`, later ones winning; without any, and without parameters, "
        "the optimizer's default",
    )
    parameters: dict[str, Parameter] = Field(
        default_factory=dict, description="hyperparameters added to, or in place of, those of the named spaces"
    )
    start: list[dict[str, Scalar]] = Field(
        default_factory=list,
        description="configurations tried first, after the default one; what they leave out is at its default",
    )


class Search(_Model):
    method: str = Field(
        default="tpe",
        description="tpe, random, qmc, grid, cmaes, gp, nsgaii, or the class name of a sampler of Optuna's",
    )
    trials: int = Field(default=16, ge=1, description="configurations tried per arm")
    seed: int = Field(default=0, ge=0, description="seed of the sampler and of every search trial")
    points: int = Field(default=3, ge=2, description="grid: values tried of each range, its ends included")


class Scheduler(_Model):
    type: Literal["asha", "hyperband", "median", "pbt", "none"] = Field(
        default="none",
        description="asha stops the worst trials at rungs grace * eta^k; hyperband runs brackets of it whose first "
        "rungs differ; median stops what is worse than half of the finished trials were at the same evaluation; pbt "
        "trains search.trials members of a population, which discover schedules of the optimizer's coefficients",
    )
    grace: int = Field(
        default=1,
        ge=1,
        description="epochs, or evaluations, before a trial may be stopped; pbt: from one exchange to the next",
    )
    eta: int = Field(
        default=3,
        ge=2,
        description="asha, hyperband: one trial in eta goes on past a rung; pbt: one member in eta is replaced",
    )


class Confirm(_Model):
    top_k: int = Field(default=1, ge=1, description="best configurations per arm that are run again")
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=lambda: [1, 2, 3, 4, 5], min_length=1, description="fresh seeds, the same for every arm"
    )


class Resources(_Model):
    cpu: int = Field(default=1, ge=1, description="cores per trial")
    gpu: float = Field(default=0, ge=0, description="GPUs per trial, may be a fraction")


class Sweep(_Model):
    """A question about optimizers: what is compared, on what, with which budget."""

    name: Name
    question: str = ""
    workload: Workload
    metric: Metric = Field(default_factory=Metric)
    baseline: Name
    arms: dict[Name, Arm] = Field(min_length=1)
    search: Search = Field(default_factory=Search)
    scheduler: Scheduler = Field(default_factory=Scheduler)
    confirm: Confirm = Field(default_factory=Confirm)
    resources: Resources = Field(default_factory=Resources)
    sizes: dict[Name, dict[str, Any]] = Field(
        default_factory=dict,
        description="by the name that --size chooses: dotted keys and the values that are put in place of those above",
    )

    _document: Document = PrivateAttr(default_factory=lambda: Document(None, "sweep"))

    def error(self, *path_and_message: str | int) -> Exception:
        """An InputError about a key of this sweep's file: ``sweep.error("workload", "name", "no such workload")``."""
        *path, message = path_and_message
        return self._document.error(tuple(path), str(message))

    def plain(self) -> dict[str, Any]:
        """The sweep as plain data that :func:`search_spaces.parse_sweep` reads back to the same values."""
        return self.model_dump(mode="json", exclude={"sizes"}, exclude_none=True, exclude_defaults=False)

    @property
    def extent(self) -> str:
        """In words, such as "2 arms, 16 trials an arm"."""
        arms, trials = len(self.arms), self.search.trials
        return f"{arms} arm{'' if arms == 1 else 's'}, {trials} trial{'' if trials == 1 else 's'} an arm"

    def with_more_trials(self, more: int) -> Sweep:
        """This sweep with so many trials more for each arm."""
        return self._with(search=self.search.model_copy(update={"trials": self.search.trials + more}))

    def with_starts(self, starts: dict[str, list[dict[str, Scalar]]]) -> Sweep:
        """This sweep with further configurations that its arms try first."""
        arms = {
            name: arm.model_copy(update={"start": [*arm.start, *starts.get(name, [])]})
            for name, arm in self.arms.items()
        }
        return self._with(arms=arms)

    def _with(self, **changed: Any) -> Sweep:
        """A copy that still knows where its keys stand."""
        copy = self.model_copy(update=changed)
        copy._document = self._document
        return copy

    def with_workload(
        self, *, epochs: int, batch_size: int, training: dict[str, Any], options: dict[str, Any]
    ) -> Sweep:
        """This sweep with what the workload says where the file leaves it out."""
        resolved = {
            "epochs": None if self.workload.steps else self.workload.epochs or epochs,
            "batch_size": self.workload.batch_size or batch_size,
            "training": training,
            "options": options,
        }
        return self._with(workload=self.workload.model_copy(update=resolved))
