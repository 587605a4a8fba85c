"""``adamant plan``: what a sweep will cost, and how large it must be to see a difference."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli import options
from cluster.console.command_line import clear_errors, echo
from cluster.console.shared_console import console
from optimizers import InputError, user_code
from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from cluster.planning.designs import Detection
    from cluster.planning.plan import Plan
    from search_spaces import Sweep

DesignsFor = Callable[["Sweep", str, str, float], Sequence[tuple[int, int]]]
"""The numbers of studies, and of seeds in each, by which a sweep sees a difference between scores; from the noise of an
earlier sweep, by its name and its tracking URI."""


def plan_command(designs_for: DesignsFor) -> Callable[..., None]:
    """Return the command that plans sweeps, with what knows of noise."""

    @clear_errors
    def plan(
        sweep: Annotated[str, typer.Argument(help="A sweep file, or the name of a ready sweep.")],
        set_: options.Set = None,
        size: options.Size = None,
        probe: Annotated[bool, typer.Option("--probe", help="Train each arm for some seconds, to tell times.")] = False,
        slots: Annotated[int | None, typer.Option(min=1, help="Runs at once; as many as fit here if left out.")] = None,
        price: Annotated[
            float | None, typer.Option(help="Price of an hour of a core, or of a GPU if trials take one.")
        ] = None,
        detect: Annotated[
            float | None,
            typer.Option(
                metavar="DIFFERENCE",
                help="Say how many studies and seeds see this difference between scores 4 times in 5 (an accuracy's "
                "in percentage points).",
            ),
        ] = None,
        from_: Annotated[
            str | None,
            typer.Option(
                "--from",
                metavar="NAME",
                help="With --detect: the earlier sweep whose noise counts; the one of this name if left out.",
            ),
        ] = None,
        storage: options.Storage = DEFAULT_STORAGE,
        data: options.Data = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Say what a sweep will cost, before anything starts, and how large it must be to see a difference."""
        from cluster.planning.designs import detection
        from cluster.storage.sweep_folder import tracking_uri_of
        from search_spaces import load_sweep

        _check_options(price, detect, from_)
        checked = load_sweep(sweep, set_ or [], size)
        designs: Sequence[tuple[int, int]] = ()
        pilot = from_ or checked.name
        if detect is not None:
            designs = designs_for(checked, pilot, tracking_uri_of(storage, pilot), detect)
        made = _planned(checked, storage, data, slots, probe=probe)
        detected = None if detect is None else detection(detect, pilot, designs, made, checked)
        if as_json:
            told = {} if detected is None else {"detect": detected.to_json()}
            typer.echo(json.dumps({**made.to_json(), **told}, indent=2))
            return
        for line in checked.code.described():
            echo(f"`adamant run` would execute {line}")
        _print(made, checked, price, detected, sweep)

    return plan


def _check_options(price: float | None, detect: float | None, from_: str | None) -> None:
    if price is not None and not (math.isfinite(price) and price >= 0):
        raise InputError(f"--price {price}: must be a finite number, and not negative")
    if detect is not None and not (math.isfinite(detect) and detect > 0):
        raise InputError(f"--detect {detect}: must be a finite number greater than 0")
    if from_ is not None and detect is None:
        raise InputError("--from names the sweep whose noise --detect counts with; give both, or neither")


def _planned(sweep: Sweep, storage: str, data: str | None, slots: int | None, *, probe: bool) -> Plan:
    from cluster.planning import plan as planning
    from cluster.planning import preflight
    from cluster.storage.sweep_folder import data_root_of

    root = data_root_of(storage, data)
    if probe and sweep.code.digest:
        raise InputError("--probe executes the code that the sweep uses; ask for it by `adamant run --probe`")
    if probe:
        preflight.check_resources(sweep, None)
        preflight.check_data(sweep, root)
        return planning.probed_plan(sweep, root, slots)
    with user_code.described(sweep.code):
        steps = planning.steps_per_epoch(sweep, root)
        return planning.make_plan(sweep, steps, slots or planning.slots_here(sweep))


def _print(made: Plan, sweep: Sweep, price: float | None, detected: Detection | None, asked: str) -> None:
    from cluster.console import console_tables
    from cluster.planning import planned

    console_tables.print_rows(console, planned.rows(made))
    lines = planned.totals(made, sweep, price)
    if detected is not None:
        lines += ["", detected.question]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if detected is not None and detected.costs:
        console_tables.print_rows(console, detected.rows())
        console.print(detected.command(asked), highlight=False, markup=False, soft_wrap=True)
