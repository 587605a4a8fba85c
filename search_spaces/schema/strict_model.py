"""What all parts of a sweep file have in common: unknown keys are errors, and nothing is converted or changed."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from optimizers.errors import Meanings


class Model(BaseModel):
    """A part of a sweep file.

    ``meanings`` are usual names of its keys, and of what may stand there, where they are called otherwise here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    meanings: ClassVar[Meanings] = {}
