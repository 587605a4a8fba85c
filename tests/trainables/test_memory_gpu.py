"""What a run takes of a GPU's memory is measured as it is, and a fraction of the GPU is a limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import REPOSITORY
from trainables import TrialSpec
from trainables.training.peak_memory import CudaMeter, measure

pytestmark = pytest.mark.gpu

LIMITED = """
import sys

import torch
from trainables.tune._open_run import open_run

spec = {"workload": "mlp/digits", "epochs": 1, "batch_size": 64, "optimizer": "adam", "hyperparameters": {}, "seed": 0}
config = {"spec": spec, "code": None, "data_root": ".", "cpus": 1, "gpus": 0.1, "workers": 1}
run = open_run(config)
run.advance(1)
assert run.device.type == "cuda"
total = torch.cuda.mem_get_info()[1]
small = torch.empty(total // 20, dtype=torch.uint8, device="cuda")
try:
    torch.empty(total // 5, dtype=torch.uint8, device="cuda")
except torch.OutOfMemoryError:
    print("limited")
run.advance(1)
assert "ray" not in sys.modules
"""


def test_the_peak_holds_data_model_state_and_what_cuda_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: torch.device
) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    runs = [TrialSpec("mlp/digits", 1, size, "adam", {}, seed=0) for size in (64, 1024)]
    peak = measure(runs, tmp_path, gpu, CudaMeter())
    assert torch.cuda.max_memory_allocated() > 0
    assert torch.cuda.max_memory_reserved() <= peak.bytes < peak.total
    assert peak.device == torch.cuda.get_device_name()
    smallest = peak.smallest_fraction()
    assert smallest is not None
    assert smallest * peak.total >= peak.bytes > (smallest - 0.01) * peak.total


def test_a_fraction_limits_what_a_trial_can_take(tmp_path: Path) -> None:
    """In a process of its own, because the limit stays."""
    program = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    assert program.returncode == 0, program.stderr
    assert program.stdout.split() == ["limited"]
