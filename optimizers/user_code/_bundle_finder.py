"""Importing the files of a bundle from memory: what is imported is what was read, whatever lies on the disk now."""

from __future__ import annotations

import linecache
import pickle
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from types import ModuleType


class BundleFinder(MetaPathFinder):
    """Finds the modules of files, given by name and contents, before all others; tracebacks show them in a folder."""

    def __init__(self, files: Mapping[str, bytes], folder: str) -> None:
        self._files, self._folder = files, folder

    def withdraw(self) -> None:
        """Take the finder out of this process, with what it has imported."""
        sys.meta_path.remove(self)
        for name in [one for one in sys.modules if self._file(one) is not None]:
            del sys.modules[name]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of these files, None for all others."""
        name = self._file(fullname)
        if name is None:
            return None
        contents, shown = self._files[name], f"{self._folder}/{name}"
        if name.endswith(".pkl"):
            return spec_from_loader(fullname, _PickleLoader(contents), origin=shown)
        loader = _MemoryLoader(shown, contents)
        spec = spec_from_loader(fullname, loader, origin=shown, is_package=name.endswith("/__init__.py"))
        if spec is not None:
            spec.has_location = True  # gives the module its __file__, by which inspect finds the source of a class
            # Of what was read, also where the file has been edited since; without a time it is never looked up again.
            lines = decode_source(contents).splitlines(keepends=True)
            linecache.cache[shown] = (len(contents), None, lines, shown)
        return spec

    def _file(self, module: str) -> str | None:
        path = module.replace(".", "/")
        candidates = (f"{path}.pkl", f"{path}.py", f"{path}/__init__.py")
        return next((name for name in candidates if name in self._files), None)


class _MemoryLoader(SourceLoader):
    """Executes a source text; there is no bytecode file, as a cached one could be of another text."""

    def __init__(self, filename: str, contents: bytes) -> None:
        self._filename, self._contents = filename, contents

    def get_filename(self, fullname: str) -> str:
        """Return the name that tracebacks show."""
        return self._filename

    def get_data(self, path: str | bytes) -> bytes:
        """Return the text."""
        return self._contents


class _PickleLoader(Loader):
    """Makes a module of the classes and functions that were pickled from a notebook."""

    def __init__(self, contents: bytes) -> None:
        self._contents = contents

    def create_module(self, spec: ModuleSpec) -> None:
        """Return None: an ordinary module will do."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module."""
        vars(module).update(pickle.loads(self._contents))
