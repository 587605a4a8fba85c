"""The kind of processor that trains, on which the last digits of results may depend."""

from __future__ import annotations

import platform

import torch


def processor_of(device: torch.device) -> str:
    """Return the kind of a GPU, or the architecture and the instructions that torch uses, such as "x86_64 AVX512"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
