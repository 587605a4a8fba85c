"""The code that a sweep uses, as it was read: files with their contents, and installed packages with their versions."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from optimizers.errors import InputError
from optimizers.files import atomic_write
from optimizers.user_code._installed import InstalledPackage, installed_module, installed_package

MANIFEST = "code.json"
MAX_BYTES = 4_000_000
_HIDDEN = (".", "__pycache__")


@dataclass(frozen=True)
class CodeBundle:
    """The code that a sweep uses.

    Attributes:
        files: Contents by name: ``my_optimizer.py``, ``lab/__init__.py``, and ``notebook.pkl`` for classes that were
            defined in a notebook.
        packages: Installed packages, of which the version and a digest are kept.
        location: The folder that file names are relative to in tracebacks.
    """

    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    packages: tuple[InstalledPackage, ...] = ()
    location: str = ""

    @cached_property
    def modules(self) -> frozenset[str]:
        """The names of the top-level modules."""
        return frozenset({_top(name) for name in self.files} | {package.name for package in self.packages})

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """What a sweep file beside these files lists under ``uses``."""
        named = dict.fromkeys(f"{_top(name)}/" if "/" in name else name for name in self.files)
        return (*named, *(package.name for package in self.packages))

    @cached_property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file and package."""
        of_files = {name: hashlib.sha256(contents).hexdigest() for name, contents in sorted(self.files.items())}
        return {**of_files, **{package.name: package.sha256 for package in self.packages}}

    @cached_property
    def digest(self) -> str:
        """A SHA-256 of all of it; empty where there is no code."""
        return hashlib.sha256(json.dumps(self.digests).encode()).hexdigest() if self.digests else ""

    def described(self) -> list[str]:
        """Say what there is, a line each: a file with its digest, a package with its version."""
        versions = {package.name: f"{package.name} {package.version}" for package in self.packages}
        return [f"{versions.get(name, name)} (sha256 {digest[:12]})" for name, digest in self.digests.items()]

    def source(self, module: str) -> str | None:
        """Return the source of a module; None for one of an installed package and for a notebook's classes."""
        path = module.replace(".", "/")
        found = self.files.get(f"{path}.py", self.files.get(f"{path}/__init__.py"))
        return None if found is None else found.decode("utf-8")

    def differences(self, other: CodeBundle) -> list[str]:
        """Return the names of the files and packages that are not the same in both."""
        ours, theirs = self.digests, other.digests
        return sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))

    def write(self, folder: Path) -> None:
        """Put the files into a folder that exists."""
        for name, contents in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(contents)

    def save(self, folder: Path) -> None:
        """Put files and manifest in place of a folder, whole or not at all."""
        manifest = {"files": self.digests_of_files(), "packages": [asdict(package) for package in self.packages]}
        with atomic_write(folder) as temporary:
            temporary.mkdir()
            self.write(temporary)
            (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")

    def digests_of_files(self) -> dict[str, str]:
        """Return the SHA-256 of each file."""
        return {name: self.digests[name] for name in self.files}

    @classmethod
    def open(cls, folder: Path) -> CodeBundle:
        """Return what was saved in a folder. Raises InputError where something of it is missing or was changed."""
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            files = {name: (folder / _inside(name)).read_bytes() for name in manifest["files"]}
            packages = tuple(InstalledPackage(**package) for package in manifest["packages"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{path}: the code that the sweep was begun with cannot be read ({error}); restore it, for example "
                "from the artifacts of the sweep's summary run"
            ) from None
        opened = cls(files, packages, str(folder))
        changed = [name for name, digest in manifest["files"].items() if opened.digests[name] != digest]
        if changed:
            raise InputError(
                f"{folder / changed[0]}: this copy is not the code that the sweep was begun with; restore it"
            )
        return opened


def read_bundle(uses: Iterable[str], folder: Path) -> CodeBundle:
    """Read files and packages, by names that stand under ``uses`` in a sweep file that lies in ``folder``.

    Executes nothing. Raises InputError, for each name with its number among them as the problem's setting.
    """
    folder = folder.resolve()
    files: dict[str, bytes] = {}
    packages: list[InstalledPackage] = []
    owners: dict[str, str] = {}
    for use in uses:
        try:
            found = _read(use, folder)
            module = found.name if isinstance(found, InstalledPackage) else _top(next(iter(found)))
            if owners.setdefault(module, use) != use:
                raise InputError(f"{use}: {owners[module]} is called {module} too; rename one of them")
        except InputError as error:
            raise error.about(use) from None
        if isinstance(found, InstalledPackage):
            packages.append(found)
        else:
            files |= found
    return CodeBundle(files, tuple(packages), str(folder))


def _read(use: str, folder: Path) -> dict[str, bytes] | InstalledPackage:
    path = folder / use
    if use.endswith(".py"):
        return _file(use, path)
    if path.is_dir() and (use.endswith("/") or (path / "__init__.py").is_file()):
        return _folder(use, path)
    if use.isidentifier():
        return installed_package(use)
    raise InputError(
        f"{use}: is neither a Python file such as my_optimizer.py, nor a folder with an __init__.py, nor the name of "
        "an installed top-level module"
    )


def _file(use: str, path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise InputError(f"{use}: there is no such file in {path.parent}")
    _check_name(use, path.stem, path)
    return {path.name: _contents(path)}


def _folder(use: str, path: Path) -> dict[str, bytes]:
    name = path.resolve().name
    if not (path / "__init__.py").is_file():
        raise InputError(f"{use}: this folder has no __init__.py, so it is not a package; add one, or name its files")
    _check_name(use, name, path / "__init__.py")
    inside = sorted(path.rglob("*.py"))
    shown = [one for one in inside if not any(part.startswith(_HIDDEN) for part in one.relative_to(path).parts)]
    files = {f"{name}/{one.relative_to(path).as_posix()}": _contents(one) for one in shown}
    if sum(map(len, files.values())) > MAX_BYTES:
        raise InputError(f"{use}: its Python files have more than {MAX_BYTES:,} bytes; name the files that are needed")
    return files


def _check_name(use: str, module: str, path: Path) -> None:
    if not module.isidentifier():
        raise InputError(f'{use}: "{module}" cannot be imported as a module; use letters, digits and underscores')
    taken = installed_module(module)
    if taken is not None and not (taken and Path(taken).exists() and Path(taken).samefile(path)):
        raise InputError(f"{use}: {module} is the name of an installed module already; rename the file")


def _contents(path: Path) -> bytes:
    try:
        contents = path.read_bytes()
        if len(contents) > MAX_BYTES:
            raise InputError(f"{path}: has more than {MAX_BYTES:,} bytes")
        ast.parse(contents, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except SyntaxError as error:
        place = f"{path}:{error.lineno}" if error.lineno else str(path)
        raise InputError(f"{place}: is not valid Python ({error.msg})") from None
    except ValueError as error:  # such as a null byte
        raise InputError(f"{path}: is not valid Python ({error})") from None
    return contents


def _inside(name: str) -> str:
    """Return a recorded name. Raises ValueError for one that leads out of its folder, to be read or written there."""
    parts = PurePosixPath(name).parts
    if not name.endswith((".py", ".pkl")) or not parts or parts[0] == "/" or ".." in parts:
        raise ValueError(f"{name} is not the name of a file of code")
    return name


def _top(name: str) -> str:
    """The top-level module of a file's name."""
    return name.partition("/")[0].removesuffix(".py").removesuffix(".pkl")
