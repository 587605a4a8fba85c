"""What a trial takes of the machine or cluster that it runs on."""

from __future__ import annotations

from pydantic import Field, model_validator

from search_spaces.schema.strict_model import Model
from trainables.tune.heartbeat import START_S

ANY_ACCELERATOR = "any"
# Cores, GPUs and workers of a trial.
MOST = 10_000


class Resources(Model):
    cpu: int = Field(default=1, ge=1, le=MOST, description="cores per trial, or per worker of it")
    gpu: float = Field(
        default=0,
        ge=0,
        le=MOST,
        description="GPUs per trial, or per worker of it; may be a fraction, which is then held against the memory "
        "that a trial takes",
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=MOST,
        description="processes that train one trial together, on one node or several, each on its share of every "
        "batch; batch_size is that of all. Results are those of one worker up to the order of additions, but for what "
        "a net draws inside, such as dropout. Batch norm takes its statistics over all workers on GPUs, and over each "
        "worker's share on CPUs",
    )
    accelerator: str | None = Field(
        default=None,
        min_length=1,
        max_length=80,
        description="the kind of GPU that trials run on, by Ray's name, such as A100; any allows several kinds",
    )

    checkpoint_seconds: float = Field(
        default=60,
        ge=0.001,
        le=10**7,
        description="a long trial is saved this often between decisions: so much work is lost with a node at most",
    )
    trial_timeout: float = Field(
        default=3600,
        ge=5,
        le=1_000_000,
        description="seconds after which the process of a trial is ended that makes no progress: no step, and no "
        "evaluation. The trial goes on from its checkpoint; where it stands still again, it fails and is replaced",
    )

    @model_validator(mode="after")
    def _check(self) -> Resources:
        if self.gpu > 1 and self.gpu != int(self.gpu):
            raise ValueError(f"gpu is a fraction of one GPU or a whole number of them, not {self.gpu:g}")
        if self.workers > 1 and self.gpu not in (0, 1):
            raise ValueError(f"each of several workers takes one GPU or none, not {self.gpu:g}; set gpu to 1 or 0")
        if self.accelerator is not None and not self.gpu:
            raise ValueError("accelerator is a kind of GPU, and trials take none; set gpu, or leave accelerator out")
        return self

    @property
    def process_timeout(self) -> float:
        """Seconds for a process of its own that does what trials do first."""
        return START_S + self.trial_timeout

    @property
    def accelerator_kind(self) -> str | None:
        """The one kind of GPU that trials may run on; None where none is chosen."""
        return None if self.accelerator == ANY_ACCELERATOR else self.accelerator
