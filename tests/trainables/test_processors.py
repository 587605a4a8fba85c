"""What a digest says of the processor."""

from __future__ import annotations

import platform

import psutil
import pytest
import torch

from trainables.training.processors import processor_of


@pytest.mark.skipif(not psutil.LINUX, reason="other systems tell the vendor otherwise")
def test_a_cpu_is_told_with_its_instructions_and_its_vendor() -> None:
    """Two vendors' processors have the same instructions and other last digits."""
    machine, *instructions, vendor = processor_of(torch.device("cpu")).split()
    assert machine == platform.machine()
    assert " ".join(instructions) == torch.backends.cpu.get_cpu_capability()
    with open("/proc/cpuinfo", encoding="utf-8") as told:
        assert vendor in told.read()
