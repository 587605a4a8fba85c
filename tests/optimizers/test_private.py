"""What is secret can be read by its owner alone, and nothing is taken from where another user could have put it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimizers import InputError
from optimizers.cache import cache_folder
from optimizers.moment_adam import native_build
from optimizers.private import check_own, make_private, write_private
from trainables.data.array_cache import Contents, ensure_cached

STRANGER = 12345


@pytest.fixture(autouse=True)
def lenient_umask() -> Iterator[None]:
    """That of many systems, under which a group may write whatever is made."""
    before = os.umask(0o002)
    yield
    os.umask(before)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_secret_takes_the_place_of_a_file_that_everybody_may_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("old")
    secret.chmod(0o666)
    write_private(secret, "word")
    assert (mode(secret), secret.read_text()) == (0o600, "word")


def test_a_secret_takes_the_place_of_a_link_and_is_not_written_where_that_leads(tmp_path: Path) -> None:
    elsewhere, secret = tmp_path / "elsewhere", tmp_path / "secret"
    elsewhere.write_text("theirs")
    secret.symlink_to(elsewhere)
    write_private(secret, "word")
    assert not secret.is_symlink()
    assert (mode(secret), elsewhere.read_text()) == (0o600, "theirs")


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    assert mode(make_private(tmp_path / "a" / "b")) == 0o700


@pytest.mark.parametrize("writable", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_to_which_others_may_write_is_refused(tmp_path: Path, writable: int) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(writable)
    with pytest.raises(InputError, match=rf"{folder}: other users may write there .* chmod go-w {folder}"):
        make_private(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_what_belongs_to_another_user_is_refused_and_what_belongs_to_root_is_not(tmp_path: Path) -> None:
    check_own(tmp_path)
    os.chown(tmp_path, STRANGER, STRANGER)
    with pytest.raises(InputError, match="it belongs to another user"):
        check_own(tmp_path)


def test_a_cache_that_another_user_can_replace_is_refused(cache: Path) -> None:
    cache_folder("kernels")
    cache.parent.chmod(0o777)
    with pytest.raises(InputError, match="another user can replace what is made there"):
        cache_folder("kernels")
    cache.parent.chmod(0o1777)
    cache_folder("kernels")
    cache.parent.chmod(0o775)
    cache_folder("kernels")  # as who has a group of their own makes folders


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_cache_in_a_folder_of_another_user_or_group_is_refused(cache: Path) -> None:
    cache_folder()
    cache.parent.chmod(0o775)
    os.chown(cache.parent, os.getuid(), STRANGER)
    with pytest.raises(InputError, match="another user can replace"):
        cache_folder()
    cache.parent.chmod(0o755)
    cache_folder()
    os.chown(cache.parent, STRANGER, os.getgid())
    with pytest.raises(InputError, match="another user can replace"):
        cache_folder()


def test_caches_are_for_their_owner_alone(cache: Path) -> None:
    assert cache_folder("kernels") == cache / "kernels"
    assert (mode(cache), mode(cache / "kernels")) == (0o700, 0o700)
    data = ensure_cached("digits", "x", contents)
    assert mode(data) == 0o700


def contents() -> Contents:
    import numpy as np

    nothing = np.zeros(4, dtype=np.int64)
    return Contents(dict.fromkeys(("train", "validation", "test"), (nothing, nothing)))


def test_a_data_set_that_a_stranger_may_have_put_into_the_cache_is_not_read(cache: Path) -> None:
    data = ensure_cached("digits", "x", contents)
    data.chmod(0o777)
    with pytest.raises(InputError, match=f"{data}: other users may write there"):
        ensure_cached("digits", "x", contents)
    cache.chmod(0o777)
    with pytest.raises(InputError, match=f"{cache}: other users may write there"):
        ensure_cached("digits", "x", contents)


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_a_planted_kernel_is_not_loaded(cache: Path, tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text('extern "C" int answer() { return 42; }\n')
    assert native_build.shared_library(source, {}).answer() == 42
    (kernel,) = (cache / "kernels").iterdir()
    assert mode(kernel) == 0o700
    kernel.write_bytes(b"planted")
    for path in (cache, cache / "kernels", kernel):
        before = mode(path)
        path.chmod(0o777)
        with pytest.raises(InputError, match=f"{path}: other users may write there"):
            native_build.shared_library(source, {})
        path.chmod(before)
