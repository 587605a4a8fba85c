"""``adamant check``: an optimizer or a workload through the conformance suite, as a table; or what a sweep recorded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.cli.options import Data, Storage, Trust
from cluster.console.command_line import FAILED, clear_errors
from cluster.console.shared_console import console
from optimizers import InputError
from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from optimizers.testing.runner import Case, Result

# Weights and biases of a small net: 100,000 parameters.
SHAPES = [(120, 784), (120,), (48, 120), (48,), (10, 48), (10,)]


@clear_errors
def check(
    target: Annotated[
        str,
        typer.Argument(
            help="A class such as my_optimizer.py:MyAdam or package:Class, or a registered name; or a sweep, by its "
            "name or its folder."
        ),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the optimizer, or an option of the workload."),
    ] = None,
    uses: Annotated[
        list[str] | None,
        typer.Option("--uses", metavar="FILE", help="A further file that the class needs, as a sweep lists it."),
    ] = None,
    bare: Annotated[
        bool, typer.Option("--bare", help="The optimizer's class by itself, without the guard of a sweep around it.")
    ] = False,
    data: Data = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Of a sweep: mend what can be mended, and set aside what is damaged for good."),
    ] = False,
    storage: Storage = DEFAULT_STORAGE,
    trust: Trust = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Run an optimizer or a workload through the conformance suite, or look through what a sweep has recorded."""
    from cluster.cli.sweep_check import check_sweep, sweep_at

    sweep = sweep_at(target, storage, is_sweep=repair)
    if sweep is not None:
        if set_ or uses or bare or data is not None:
            raise InputError("--set, --uses, --bare and --data are for optimizers and workloads, not for sweeps")
        return check_sweep(sweep, repair=repair, trusted=trust, as_json=as_json)
    from optimizers.testing.runner import run_cases

    settings = _settings(set_ or [])
    made, name = _resolved(target, uses or [], trust)
    if _is_workload(made):
        if bare:
            raise InputError("--bare is for optimizers")
        cases, cost = _workload_cases(made, settings, data), list
    else:
        if data is not None:
            raise InputError("--data is for workloads")
        cases, cost = _optimizer_cases(name, settings, bare)
    results = run_cases(cases)
    failed = any(result.failed for result in results)
    told = [] if failed and results[-1].case.required else cost()
    if as_json:
        typer.echo(json.dumps({"checked": name, "cases": list(map(_as_data, results)), "cost": told}, indent=2))
    else:
        _print(name, results, told)
    return FAILED if failed else 0


def _settings(assignments: list[str]) -> dict[str, Any]:
    from search_spaces.schema.yaml_source import load_yaml

    settings = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        source = f"--set {assignment}"
        if not separator or not name.strip():
            raise InputError(f"{source}: write a name and a value, for example --set lr=0.01")
        settings[name.strip()] = load_yaml(text, source).data
    return settings


def _resolved(target: str, uses: list[str], trust: bool) -> tuple[Any, str]:
    """What is to be checked, a name or what it is defined by, and its name.

    The files of a user become importable from now on, and are imported.
    """
    from cluster.storage.trust import check_trust
    from optimizers import user_code

    if target.endswith(".py"):
        raise InputError(f"{target}: name the class after the file, as in {target}:MyAdam")
    if not user_code.is_own(target) or target.startswith("lookahead("):
        return target, target
    module, _, attribute = target.rpartition(":")
    folder = Path(module).parent if module.endswith(".py") else Path()
    use = Path(module).name if module.endswith(".py") else module.partition(".")[0]
    if not module.endswith(".py") and Path(f"{use}.py").is_file():
        use = f"{use}.py"
    code = user_code.read_bundle([use, *uses], folder.absolute())
    check_trust(code, f"check {target}", trusted=trust)
    user_code.load(code)
    name = f"{module.removesuffix('.py') if folder == Path() else Path(module).stem}:{attribute}"
    return user_code.resolve(name), name


def _is_workload(made: Any) -> bool:
    import optimizers
    import trainables

    if isinstance(made, str):
        if made in trainables.names():
            return True
        optimizers.get(made)
        return False
    from trainables import Task, WorkloadEntry

    return isinstance(made, WorkloadEntry) or (isinstance(made, type) and issubclass(made, Task))


def _workload_cases(made: Any, options: Mapping[str, Any], data: str | None) -> list[Case]:
    from cluster.storage.sweep_folder import data_root_of
    from trainables.testing import cases

    return cases(made, options, data_root_of(DEFAULT_STORAGE, data))


def _optimizer_cases(
    name: str, settings: Mapping[str, Any], bare: bool
) -> tuple[list[Case], Callable[[], list[dict[str, Any]]]]:
    """The cases, and what measures a step."""
    from optimizers.testing import cases
    from optimizers.testing.optimizer_subject import subject_of
    from optimizers.testing.probing import check_steps
    from optimizers.testing.runner import Case

    subject, listed = subject_of(name, settings, guarded=not bare), cases(name, settings, guarded=not bare)
    told = "It can be built, and takes steps on gradients."
    takes_steps = Case("takes_steps", told, lambda: check_steps(subject), required=True)

    def cost() -> list[dict[str, Any]]:
        from optimizers.testing.step_cost import measure_one

        return [
            {
                "optimizer": one,
                "microseconds a step": round(figures.microseconds),
                "times Adam": round(figures.ratio, 2),
                "bytes of state a parameter": round(figures.state_bytes, 1),
            }
            for one, figures in measure_one(subject.name, subject.build, SHAPES).items()
        ]

    return [takes_steps, *listed], cost


def _as_data(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        "case": case.name,
        "checks": case.checks,
        "advisory": case.advisory,
        "problem": result.problem,
        "not_applicable": result.not_applicable,
        "seconds": round(result.seconds, 3),
    }


def _print(name: str, results: list[Result], cost: list[dict[str, Any]]) -> None:
    from cluster.console.console_tables import print_rows

    print_rows(console, [_row(result) for result in results])
    counts = Counter(map(_outcome, results))
    told = ", ".join(f"{counts[word]} {word}" for word in ("ok", "failed", "noted", "not applicable") if counts[word])
    note = " What is noted does no harm to a sweep; sound optimizers differ there." if counts["noted"] else ""
    if results[-1].failed and results[-1].case.required:
        note += " The other cases were not run: they need this one."
    console.print(f"\n{name}: {told}.{note}", highlight=False, markup=False, soft_wrap=True)
    if cost:
        console.print("\nOn one thread, for 100,000 parameters:", highlight=False, markup=False)
        print_rows(console, cost)


def _row(result: Result) -> dict[str, str]:
    told = result.problem or result.not_applicable or ""
    return {"case": result.case.name.replace("_", " "), "result": _outcome(result), "what": told}


def _outcome(result: Result) -> str:
    if result.not_applicable is not None:
        return "not applicable"
    return "ok" if result.problem is None else "failed" if result.failed else "noted"
