"""The Triton kernel: on a GPU where there is one; without one in Triton's interpreter, and compiled for one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("triton_program.py")

pytest.importorskip("triton")


def run(task: str, **environment: str) -> str:
    """The output of a task of `triton_program.py`: Triton decides on its import whether it interprets."""
    command = [sys.executable, str(PROGRAM), task]
    path = {"PYTHONPATH": str(ROOT), **environment}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **path})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_interpreted_kernel_agrees_with_the_reference() -> None:
    assert "33 forms agree" in run("compare", TRITON_INTERPRET="1", CUDA_VISIBLE_DEVICES="")


@pytest.mark.gpu
def test_the_kernel_agrees_with_the_reference_on_a_gpu() -> None:
    assert "33 forms agree" in run("compare")


def test_the_kernel_compiles_for_a_gpu() -> None:
    assert "8 forms compile" in run("compile")
