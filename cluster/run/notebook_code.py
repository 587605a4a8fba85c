"""Sweeps that a program or a notebook asks for, with classes that it has defined itself."""

from __future__ import annotations

import ast
import inspect
import sys
import sysconfig
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from optimizers import InputError, did_you_mean
from optimizers.user_code import CodeBundle, read_bundle
from search_spaces import Sweep, load_sweep, parse_sweep
from search_spaces.schema.yaml_source import dump_yaml, load_yaml, read_text

MODULE = "notebook"
"""The module under which a sweep names what was passed to it as an object."""
_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


def asked_sweep(
    sweep: str | Path | Mapping[str, Any],
    optimizers: Mapping[str, Any],
    workloads: Mapping[str, Any],
    overrides: Sequence[str] = (),
    size: str | None = None,
) -> Sweep:
    """Return the sweep of a file, of a ready sweep's name or of a mapping, with its code importable.

    ``optimizers`` and ``workloads`` are classes or functions by the names that the sweep gives them. They are pickled
    by value, with their source beside them, so that every node and every resume has them. Raises InputError.
    """
    objects = {**optimizers, **workloads}
    if isinstance(sweep, str | Path) and not objects:
        described = load_sweep(str(sweep), overrides, size)
        return load_sweep(str(sweep), overrides, size, described.code) if described.code.digest else described
    data, source, folder = _as_data(sweep)
    _check_names(data, optimizers, workloads)
    own = CodeBundle() if not objects else _pickled(objects)
    read = read_bundle(data.get("uses") or [], folder)
    code = CodeBundle({**read.files, **own.files}, read.packages, read.location)
    named = _named(data, optimizers, workloads)
    return parse_sweep(dump_yaml({**named, "uses": list(code.uses)}), source, overrides, size, folder, code)


def _as_data(sweep: str | Path | Mapping[str, Any]) -> tuple[dict[str, Any], str, Path]:
    """The sweep as a mapping, what errors call it, and the folder that its files are in."""
    if isinstance(sweep, Mapping):
        return dict(sweep), "sweep", Path()
    path = Path(sweep)
    data = load_yaml(read_text(path), str(path)).data if path.is_file() else None
    if not isinstance(data, dict):
        raise InputError(f"{path}: is not a sweep file; objects go with a file or a mapping")
    return data, str(path), path.parent


def _check_names(data: Mapping[str, Any], optimizers: Mapping[str, Any], workloads: Mapping[str, Any]) -> None:
    """Raise InputError where a class stands in place of its name, or a name is nearly that of an object."""
    one, several, arms = ({"": data.get("workload")}, data.get("workloads"), data.get("arms"))
    for key, holders, field, objects in (
        ("workload", one, "name", workloads),
        ("workloads", several, "name", workloads),
        ("arms", arms, "optimizer", optimizers),
    ):
        for name, holder in holders.items() if isinstance(holders, Mapping) else ():
            given = holder.get(field) if isinstance(holder, Mapping) else None
            place = ".".join(filter(None, (key, name, field)))
            passed = "optimizers" if field == "optimizer" else "workloads"
            if callable(given):
                called = getattr(given, "__name__", "Mine")
                raise InputError(
                    f"{place}: is a class; write its name, and pass the class: {passed}={{{called!r}: {called}}}"
                )
            hint = "" if given in objects else did_you_mean(given, objects)
            if hint:
                raise InputError(f'{place}: "{given}" is not among {passed} ({", ".join(objects)}).{hint}')


def _named(data: dict[str, Any], optimizers: Mapping[str, Any], workloads: Mapping[str, Any]) -> dict[str, Any]:
    """The sweep with the names of objects replaced by those under which every process finds them."""

    def renamed(holder: Any, key: str, objects: Mapping[str, Any]) -> Any:
        known = isinstance(holder, dict) and holder.get(key) in objects
        return {**holder, key: f"{MODULE}:{holder[key]}"} if known else holder

    def all_renamed(holders: Any, key: str, objects: Mapping[str, Any]) -> Any:
        if not isinstance(holders, dict):
            return holders
        return {name: renamed(holder, key, objects) for name, holder in holders.items()}

    changed = {
        "arms": all_renamed(data.get("arms"), "optimizer", optimizers),
        "workload": renamed(data.get("workload"), "name", workloads),
        "workloads": all_renamed(data.get("workloads"), "name", workloads),
    }
    return {**data, **{key: value for key, value in changed.items() if key in data}}


def _pickled(objects: Mapping[str, Any]) -> CodeBundle:
    """The objects as files: pickled by value, and their source for people to read. Raises InputError."""
    import cloudpickle

    for name, one in objects.items():
        if not name.isidentifier():
            raise InputError(f'"{name}": an object is passed under a name of letters, digits and underscores')
        if not callable(one):
            raise InputError(f"{name}: is not a class or a function but a {type(one).__name__}")
    with _by_value(cloudpickle, {sys.modules[one.__module__] for one in objects.values()}):
        try:
            contents = cloudpickle.dumps(dict(objects))
        except Exception as error:  # whatever a class holds decides what it raises
            raise InputError(
                f"{', '.join(objects)}: cannot be sent to other processes ({type(error).__name__}: {error}); what a "
                "class uses of the notebook must be picklable"
            ) from error
    return CodeBundle({f"{MODULE}.pkl": contents, **_sources(objects)})


@contextmanager
def _by_value(cloudpickle: Any, modules: set[ModuleType]) -> Iterator[None]:
    """Inside, what modules of the user's own define is pickled whole, and not by its name."""
    own = [module for module in modules if module.__name__ != "__main__" and not _is_installed(module)]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _is_installed(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is None or file.startswith(_INSTALLED)


def _sources(objects: Mapping[str, Any]) -> dict[str, bytes]:
    """A module of the objects' sources under their names; none where the source of one of them is not kept."""
    try:
        texts = [textwrap.dedent(inspect.getsource(one)).strip() for one in objects.values()]
        names = [f"{name} = {one.__name__}" for name, one in objects.items() if name != one.__name__]
        module = "\n\n\n".join([*texts, "\n".join(names)]).strip() + "\n"
        ast.parse(module)
    except (OSError, TypeError, AttributeError, SyntaxError):
        return {}
    return {f"{MODULE}.py": module.encode()}
