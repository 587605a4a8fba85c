"""Code of a user's own: read without being executed, kept with its digests, imported from memory."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle, read_bundle

CANARY = "open({path!r}, 'w').close()\n"


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    yield
    user_code.load(CodeBundle())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text("from helpers import two\nVALUE = two()\n", encoding="utf-8")
    (tmp_path / "helpers.py").write_text("def two():\n    return 2\n", encoding="utf-8")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "lab" / "core.py").write_text("class Best:\n    rate = 3\n", encoding="utf-8")
    return tmp_path


def test_reading_and_describing_execute_nothing(tmp_path: Path) -> None:
    canary = tmp_path / "executed"
    (tmp_path / "mine.py").write_text(CANARY.format(path=str(canary)), encoding="utf-8")

    bundle = read_bundle(["mine.py"], tmp_path)
    with user_code.described(bundle):
        assert not user_code.is_importable("mine:Mine")
        assert user_code.source_of("mine:Mine") == CANARY.format(path=str(canary))
    assert not canary.exists()

    user_code.load(bundle)
    assert not canary.exists()
    with pytest.raises(InputError, match='mine has no "Mine"'):
        user_code.resolve("mine:Mine")
    assert canary.exists()


def test_files_import_each_other_and_packages_keep_their_modules(folder: Path) -> None:
    user_code.load(read_bundle(["mine.py", "helpers.py", "lab/"], folder))
    assert user_code.resolve("mine:VALUE") == 2
    assert user_code.resolve("lab.core:Best.rate") == 3


def test_the_source_of_a_class_is_what_was_read_also_after_the_original_has_changed(folder: Path) -> None:
    user_code.load(read_bundle(["lab/"], folder))
    (folder / "lab" / "core.py").write_text("class Best:\n    rate = 4\n", encoding="utf-8")
    best = user_code.resolve("lab.core:Best")
    assert inspect.getfile(best) == str(folder / "lab" / "core.py")
    assert inspect.getsource(best) == "class Best:\n    rate = 3\n"


def test_what_is_imported_is_what_was_read_also_after_the_original_has_changed(folder: Path, tmp_path: Path) -> None:
    read_bundle(["helpers.py"], folder).save(tmp_path / "kept")
    (folder / "helpers.py").write_text("def two():\n    return 22\n", encoding="utf-8")

    user_code.load(CodeBundle.open(tmp_path / "kept"))
    assert user_code.resolve("helpers:two")() == 2
    user_code.load(read_bundle(["helpers.py"], folder))
    assert user_code.resolve("helpers:two")() == 22
    user_code.load(CodeBundle())
    assert "helpers" not in sys.modules


def test_the_digest_follows_contents_and_names_alone(folder: Path, tmp_path: Path) -> None:
    first = read_bundle(["helpers.py", "lab"], folder)
    first.save(tmp_path / "kept")
    assert CodeBundle.open(tmp_path / "kept").digest == first.digest
    assert first.uses == ("helpers.py", "lab/")

    (folder / "lab" / "core.py").write_text("class Best:\n    rate = 4\n", encoding="utf-8")
    second = read_bundle(["helpers.py", "lab"], folder)
    assert second.digest != first.digest
    assert second.differences(first) == ["lab/core.py"]


def test_a_copy_that_was_changed_is_refused(folder: Path, tmp_path: Path) -> None:
    read_bundle(["helpers.py"], folder).save(tmp_path / "kept")
    (tmp_path / "kept" / "helpers.py").write_text("def two():\n    return 3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"helpers.py: this copy is not the code that the sweep was begun with"):
        CodeBundle.open(tmp_path / "kept")


def test_an_installed_package_is_known_by_version_and_files(folder: Path) -> None:
    [package] = read_bundle(["filelock"], folder).packages
    assert package.name == "filelock"
    assert package.version[0].isdigit()
    assert len(package.sha256) == 64

    other = CodeBundle(packages=(type(package)("filelock", "0.1", "0" * 64),))
    with pytest.raises(InputError, match=r"begun with filelock 0\.1 .* install that version"):
        user_code.load(other)


def test_an_error_of_the_import_names_the_line_of_the_file(folder: Path) -> None:
    (folder / "helpers.py").write_text("import math\nLIMIT = math.nothing\n", encoding="utf-8")
    user_code.load(read_bundle(["mine.py", "helpers.py"], folder))
    with pytest.raises(InputError, match=r"helpers\.py:2: mine cannot be imported \(AttributeError: module 'math'"):
        user_code.resolve("mine:VALUE")


def test_a_traceback_shows_the_lines_that_were_read(folder: Path) -> None:
    (folder / "helpers.py").write_text("def two():\n    raise RuntimeError('here')\n", encoding="utf-8")
    user_code.load(read_bundle(["helpers.py"], folder))
    with pytest.raises(RuntimeError) as caught:
        user_code.resolve("helpers:two")()
    assert "raise RuntimeError('here')" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        ("nothing.py", "nothing.py: there is no such file in "),
        ("empty", 'no module "empty" is installed, and there is no folder empty with an __init__.py'),
        ("empty/", "empty/: this folder has no __init__.py"),
        ("broken.py", r"broken.py:2: is not valid Python \(invalid syntax"),
        ("random.py", "random is the name of an installed module already; rename the file"),
        ("torch.py", "torch is the name of an installed module already"),
        ("my-file.py", '"my-file" cannot be imported as a module'),
        ("torch.optim", "is neither a Python file such as"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(uses: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.py").write_text("x = 1\ny = = 2\n", encoding="utf-8")
    for name in ("random.py", "torch.py", "my-file.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_bundle([uses], tmp_path)


def test_a_name_needs_its_module_under_uses(folder: Path) -> None:
    with (
        user_code.described(read_bundle(["mine.py"], folder)),
        pytest.raises(InputError, match=r'"subprocess:run" needs subprocess under uses, .* it lists mine'),
    ):
        user_code.resolve("subprocess:run")


@pytest.mark.parametrize(
    "name", ["../outside.py", "lab/../../outside.py", "/tmp/outside.py", "outside", "..", "", "x.txt"]
)
def test_code_that_was_recorded_is_neither_read_nor_written_outside_of_its_folder(folder: Path, name: str) -> None:
    kept = folder / "kept" / "code"
    kept.parent.mkdir()
    read_bundle(["mine.py", "helpers.py", "lab/"], folder).save(kept)
    assert CodeBundle.open(kept).files
    (folder / "kept" / "outside.py").write_text("", encoding="utf-8")
    manifest = json.loads((kept / "code.json").read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256(b"").hexdigest()
    (kept / "code.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(InputError, match="is not the name of a file of code"):
        CodeBundle.open(kept)
