"""What all parts of a sweep file have in common: unknown keys are errors, and nothing is converted or changed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A part of a sweep file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
