"""The kind of processor that trains, on which the last digits of results may depend."""

from __future__ import annotations

import platform
import re
from functools import lru_cache
from pathlib import Path

import torch


def processor_of(device: torch.device) -> str:
    """Return the kind of a GPU, or a CPU's architecture, the instructions that torch uses, and the vendor.

    Such as "x86_64 AVX512 AuthenticAMD": on the processors of two vendors, libraries take other kernels for the same
    instructions.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return " ".join(filter(None, (platform.machine(), torch.backends.cpu.get_cpu_capability(), _vendor())))


@lru_cache
def _vendor() -> str:
    """Return the vendor of this machine's CPU where the system tells it, else an empty text."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor().rpartition(", ")[2]
    found = re.search(r"^(?:vendor_id|CPU implementer)\s*:\s*(\S+)", told, re.MULTILINE)
    return found[1] if found else ""
