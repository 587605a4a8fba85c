"""Files are there whole or not at all, and on the disk before they count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizers.files import (
    atomic_write,
    check_sealed_text,
    sealed_bytes,
    sealed_text,
    unsealed_bytes,
    write_text,
)


def write_half_a_file(path: Path) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text("half of it")
        raise OSError("no space")


def write_half_a_folder(path: Path) -> None:
    with atomic_write(path) as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("half of it")
        raise OSError("no space")


def test_what_was_there_stays_after_an_error_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    write_text(path, "größer")
    with pytest.raises(OSError, match="no space"):
        write_half_a_file(path)
    with pytest.raises(OSError, match="no space"):
        write_half_a_folder(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text(encoding="utf-8") == "größer"


def test_contents_are_on_the_disk_before_the_rename_and_the_rename_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = tmp_path / "folder", []
    flush = os.fsync

    def noted(opened: int) -> None:
        done.append((Path(os.readlink(f"/proc/self/fd/{opened}")).relative_to(tmp_path), path.exists()))
        flush(opened)

    monkeypatch.setattr(os, "fsync", noted)
    with atomic_write(path) as temporary:
        temporary.mkdir()
        (temporary / "file").write_text("contents")
    own = Path(temporary.name)
    assert done == [(own / "file", False), (own, False), (Path("."), True)]
    assert (path / "file").read_text() == "contents"


def test_a_file_of_the_same_name_is_replaced_and_its_suffix_kept(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with atomic_write(tmp_path / "report.html") as temporary:
            assert temporary.suffix == ".html"
            temporary.write_text(text)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["two"]


def test_what_need_not_be_durable_waits_for_no_disk_and_is_still_replaced_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("it waited for the disk"))
    path = tmp_path / "file"
    path.write_text("before")
    with atomic_write(path, durable=False) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert [other.read_text() for other in tmp_path.iterdir()] == ["after"]


def test_sealed_contents_are_refused_when_a_bit_has_flipped() -> None:
    contents = b"a curve"
    sealed = sealed_bytes(contents)
    assert unsealed_bytes(sealed) == contents
    for bit in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="do not match"):
            unsealed_bytes(bytes(damaged))
    with pytest.raises(ValueError, match="do not match"):
        unsealed_bytes(sealed[:-1])


def test_a_sealed_text_is_refused_when_it_has_changed() -> None:
    sealed = sealed_text("trials: 3\nname: größer\n")
    check_sealed_text(sealed)
    check_sealed_text("trials: 3\n")
    for damaged in (sealed.replace("3", "4"), sealed[:-1], sealed + " "):
        with pytest.raises(ValueError, match="first line"):
            check_sealed_text(damaged)
