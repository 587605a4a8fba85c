"""What one worker of a trial asks of Ray."""

from __future__ import annotations

# What Ray calls the kind of a node's GPUs; each node has 1 of it, of which a trial takes next to nothing.
ACCELERATOR_TYPE = "accelerator_type:"
_NEXT_TO_NOTHING = 0.001


def bundle(cpus: int, gpus: float, accelerator: str | None) -> dict[str, float]:
    """Resources by Ray's names: cores, GPUs, and a GPU's kind such as ``A100``, or any for None."""
    kind = {} if accelerator is None else {f"{ACCELERATOR_TYPE}{accelerator}": _NEXT_TO_NOTHING}
    return {"CPU": cpus, "GPU": gpus, **kind}
