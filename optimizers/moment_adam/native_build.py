"""Building a C++ source into a shared library: with whatever compiler there is, once for each machine and definition.

No torch headers are included, so a build takes about a second, where one against them takes most of a minute.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from optimizers.cache import cache_folder
from optimizers.files import sha256_of
from optimizers.private import check_own

_COMMON = ("-O3", "-std=c++17", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math")
# The first set that the compiler takes; threads and this machine's vector instructions are worth having, not needed.
# Prefetching is GCC's: a dozen streams of memory are more than the hardware follows; a tenth of a step at 11 million.
_PREFETCH = ("-fprefetch-loop-arrays", "--param=prefetch-latency=600", "--param=simultaneous-prefetches=100")
_FLAG_SETS = (
    ("-march=native", "-mprefer-vector-width=512", *_PREFETCH, "-fopenmp"),
    ("-march=native", "-fopenmp"),
    ("-mcpu=native", "-fopenmp"),
    ("-fopenmp",),
    (),
)


class BuildError(Exception):
    """No compiler, or none of the sets of flags worked; the message is what the compiler said."""


def shared_library(source: Path, definitions: Mapping[str, str]) -> ctypes.CDLL:
    """The library of `source` under the macro `definitions`, from the cache folder or built into it.

    InputError: another user can have written to the folder. BuildError: no C++ compiler (`$CXX`, c++, g++, clang++), it
    cannot compile the source, or the folder may not be written. OSError: what fails now and not for good, such as a
    full disk, for which no other kernel may step in.
    """
    compiler = _compiler()
    macros = tuple(f"-D{name}={value}" for name, value in definitions.items())
    key = hashlib.sha256(
        repr((source.read_bytes(), macros, _COMMON, _FLAG_SETS, _machine(), compiler)).encode()
    ).hexdigest()[:16]
    name = cache_folder("kernels") / f"{source.stem}-{key}"
    try:
        library = built_before(name) or _build(compiler, source, macros, name)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise BuildError(f"{name.parent}: {error}") from error
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise BuildError(str(error)) from error


def built_before(name: Path) -> Path | None:
    """The library that was built under this name; one that is damaged, by the digest in its name, is none."""
    for path in sorted(name.parent.glob(f"{name.name}.*.so")):
        check_own(path)
        if path == _named(path, name):
            return path
    return None


def _named(library: Path, name: Path) -> Path:
    """What a library is called, with a digest of its contents."""
    return name.with_name(f"{name.name}.{sha256_of(library.read_bytes())[:16]}.so")


def _build(compiler: str, source: Path, macros: tuple[str, ...], name: Path) -> Path:
    said = ""
    # Another process may build it meanwhile; either file will do.
    with tempfile.TemporaryDirectory(dir=name.parent) as folder:
        made = Path(folder) / "made.so"
        for flags in _FLAG_SETS:
            command = [compiler, *_COMMON, *flags, *macros, str(source), "-o", str(made)]
            result = subprocess.run(
                command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
            )
            if result.returncode == 0:
                made.chmod(0o700)
                return made.replace(_named(made, name))
            said = result.stderr or said
        raise BuildError(f"{compiler} cannot compile {source.name}: {said.strip()[:500]}")


@functools.cache
def _compiler() -> str:
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise BuildError("there is no C++ compiler: none of $CXX, c++, g++, clang++")


@functools.cache
def _machine() -> str:
    """What the instructions of a build depend on: a home folder may be shared by machines of several kinds."""
    cpu_info = Path("/proc/cpuinfo")
    if not cpu_info.exists():
        return f"{platform.platform()} {platform.processor()}"
    lines = cpu_info.read_text(encoding="utf-8").splitlines()
    told = {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
    return f"{platform.machine()} {platform.libc_ver()} {sorted(told)}"
