"""What a sweep trains, with which budget, and by which metrics it is judged."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from optimizers.errors import Meanings
from search_spaces.schema import _usual_names
from search_spaces.schema.parameter import Scalar
from search_spaces.schema.strict_model import Model
from trainables.mlflow_contract import STEPS_TO_TARGET, TRAIN_SECONDS, Prefix

Goal = Literal["minimize", "maximize"]
Setting = Scalar | list[float | int | str] | None
TrainingSetting = Setting | dict[str, Any]
LOSS = f"{Prefix.VALIDATION}loss"
# Minimized whatever the workload is; every other metric's goal stands with its workload.
MINIMIZED = (LOSS, TRAIN_SECONDS, STEPS_TO_TARGET)


MOST_EVALUATIONS, MOST_STEPS, MOST_EXAMPLES = 1_000_000, 10**12, 10**8


class Workload(Model):
    meanings: ClassVar[Meanings] = _usual_names.WORKLOAD

    name: str = Field(description="a workload of `adamant list workloads`, for example mlp/mnist")
    epochs: int | None = Field(
        default=None,
        ge=1,
        le=MOST_EVALUATIONS,
        description="passes over the training split in one full trial; the workload's own when left out",
    )
    steps: int | None = Field(
        default=None, ge=1, le=MOST_STEPS, description="optimizer steps of one full trial, in place of epochs"
    )
    evaluate_every: int | None = Field(
        default=None,
        ge=1,
        le=MOST_STEPS,
        description="with steps: optimizer steps from one evaluation to the next, a divisor of steps; a twentieth when "
        "left out. Evaluations then stand for epochs, also in the scheduler's grace",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=MOST_EXAMPLES,
        description="examples per optimizer step; the workload's own when left out",
    )
    training: dict[str, TrainingSetting] = Field(
        default_factory=dict,
        description="how every trial is trained, for example lr_schedule: cosine; a schedule with keys is a mapping, "
        "{kind: exponential_decay, tau: 500}, and its kind may be module:function of code under uses",
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
        if self.steps // self.interval > MOST_EVALUATIONS:
            raise ValueError(
                f"evaluate_every ({self.interval}) makes {self.steps // self.interval:,} evaluations of {self.steps:,} "
                f"steps; at most {MOST_EVALUATIONS:,} are made"
            )
        return self

    @property
    def interval(self) -> int:
        """Optimizer steps from one evaluation to the next, of a budget in steps."""
        if self.evaluate_every is not None or not self.steps:
            return self.evaluate_every or 1
        # The smallest divisor that is a twentieth or more, by how often it goes into the steps: at most 39 times.
        often = (times for times in range(39, 0, -1) if self.steps % times == 0)
        return next(self.steps // times for times in often if self.steps // times >= max(1, self.steps // 20))

    @property
    def evaluations(self) -> int | None:
        """How often a full trial is evaluated: its epochs, or what stands for them."""
        return self.epochs if self.steps is None else self.steps // self.interval

    def filled(self, *, epochs: int, batch_size: int, training: dict[str, Any], options: dict[str, Any]) -> Self:
        """This workload with its own budget where the sweep leaves it out, and with every option."""
        return self.model_copy(
            update={
                "epochs": None if self.steps else self.epochs or epochs,
                "batch_size": self.batch_size or batch_size,
                "training": training,
                "options": options,
            }
        )

    @property
    def budget(self) -> str:
        """In words, such as "20 epochs" or "5,000 steps, evaluated every 250"."""
        if self.steps is not None:
            return f"{self.steps:,} steps, evaluated every {self.interval:,}"
        return f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"


class Objective(Model):
    """A metric that the search looks at."""

    meanings: ClassVar[Meanings] = _usual_names.OBJECTIVE

    name: str
    stated_goal: Goal | None = Field(
        default=None, alias="goal", description="which way is better; the metric's own when left out"
    )

    @property
    def goal(self) -> Goal | None:
        """Which way is better; None where only the workload knows it."""
        return self.stated_goal or ("minimize" if self.name in MINIMIZED else None)

    def toward(self, goal: Goal | None) -> Self:
        """This metric with that goal, where it has none of its own."""
        return self if self.stated_goal else self.model_copy(update={"stated_goal": goal})


class Metric(Objective):
    name: str = Field(
        default=LOSS, description="metric of the validation split that the search looks at", pattern=r"^val/"
    )
    target: float | None = Field(default=None, description="value whose first crossing is timed (steps to target)")
    smallest_difference: float | None = Field(
        default=None,
        gt=0,
        description="smallest difference between scores that matters, in the unit in which verdicts tell differences: "
        "percentage points for an accuracy (0.2 for 97.0 % against 97.2 %), otherwise the unit of the score, which is "
        "what confirmations measure, not of this metric; with it a comparison may end as equivalent or undecided",
    )


class Tradeoff(Objective):
    name: str = Field(
        description="a metric of the validation split, or summary/train_seconds or summary/steps_to_target",
        pattern=r"^(val|summary)/",
    )


class NamedWorkload(Workload):
    metric: Metric | None = Field(default=None, description="what the search looks at here, in place of the sweep's")
