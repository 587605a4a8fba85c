"""Libraries that are built once, and found again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from optimizers.moment_adam import native_build
from optimizers.moment_adam.native_build import shared_library


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="needs a C++ compiler")
def test_a_library_is_built_once_and_again_when_it_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path))
    source = tmp_path / "answer.cpp"
    source.write_text('extern "C" int answer() { return ANSWER; }')
    builds, build = [], native_build._build
    monkeypatch.setattr(native_build, "_build", lambda *given: builds.append(given) or build(*given))
    for _ in range(2):
        assert shared_library(source, {"ANSWER": "42"}).answer() == 42
    [library] = (tmp_path / "kernels").iterdir()
    assert len(builds) == 1
    contents = bytearray(library.read_bytes())
    contents[len(contents) // 2] ^= 1
    library.unlink()  # this process has it in its memory
    library.write_bytes(contents)
    assert shared_library(source, {"ANSWER": "42"}).answer() == 42
    assert len(builds) == 2
