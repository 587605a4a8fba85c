"""The front door: each command is a few lines that call a room. Heavy imports wait until a command needs them.

From Python, :func:`run` runs a sweep, :func:`resume` goes on with one, and :func:`load` reads one that has ended.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.cli import (
    check_command,
    faults_command,
    job_commands,
    launch_commands,
    new_command,
    query_commands,
    rm_command,
    run_commands,
    sweeps_command,
    transfer_commands,
    watch_commands,
)
from cluster.cli.options import Storage, SweepName, TrackingUri
from cluster.cli.plan_command import plan_command
from cluster.cli.sweep_commands import sweep_commands
from cluster.console.command_line import FAILED, clear_errors, echo
from cluster.console.locales import Utf8Group
from cluster.console.shared_console import console
from cluster.distribution import version as installed_version
from cluster.run.on_screen import print_lines
from cluster.storage.destinations import check_output_folder, write_json
from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from analysis import JudgedSweep
    from cluster.run.ended import EndedSweep
    from search_spaces import Sweep

    Session = AbstractContextManager[EndedSweep]

app = typer.Typer(
    cls=Utf8Group,
    help="Does this change to Adam help? Tune every side with the same budget, and get a verdict with intervals.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        echo(f"adamant {installed_version()}")
        raise typer.Exit


@app.callback()
def _front_door(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def run(
    sweep: str | Path | Mapping[str, Any],
    *,
    optimizers: Mapping[str, Any] | None = None,
    workloads: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    size: str | None = None,
    storage: str | Path = DEFAULT_STORAGE,
    data: str | Path | None = None,
    tracking_uri: str | None = None,
    study_storage: str | None = None,
    address: str | None = None,
) -> JudgedSweep:
    """Run a sweep and return it with its verdict, as `adamant run` does.

    Args:
        sweep: A sweep file, the name of a ready sweep, or the sweep as a mapping.
        optimizers: Optimizer classes, or functions that make one, by the names that arms give them. A class of a
            notebook's cell will do: it is pickled by value, and its source is kept with the sweep.
        workloads: Workload classes, likewise.
        overrides: As those of ``--set``, such as "search.trials=64".
        size: One of the sizes that the sweep offers.
        storage: Folder for sweeps, study and runs.
        data: Data folder; else $ADAMANT_DATA, else ``data`` in the storage folder.
        tracking_uri: MLflow tracking URI; else $ADAMANT_TRACKING_URI, else a database in the storage folder.
        study_storage: Optuna storage URL or journal file; else $ADAMANT_STUDY_STORAGE, else in the storage folder.
        address: Address of a running Ray cluster; this machine when left out.

    Raises:
        InputError: Something is wrong beforehand; nothing has been written.
        RuntimeError: The sweep has stopped before its end, for the reason that it has printed.
    """
    from cluster.run.notebook_code import asked_sweep
    from cluster.run.sweeps import Places, run_sweep

    asked = asked_sweep(sweep, optimizers or {}, workloads or {}, overrides, size)
    places = Places(str(storage), tracking_uri, study_storage, None if data is None else str(data))
    return _judged(run_sweep(asked, places, address, console), storage, address)


def resume(
    name: str,
    *,
    storage: str | Path = DEFAULT_STORAGE,
    address: str | None = None,
    more: int = 0,
    more_studies: int = 0,
    more_seeds: int = 0,
) -> JudgedSweep:
    """Go on with a sweep and return it with its verdict. Raises as :func:`run`.

    It gets ``more`` trials in each search, ``more_studies`` searches of each arm, ``more_seeds`` in each confirmation.
    """
    from cluster.run.sweeps import resume_sweep
    from search_spaces.sweep.growth import Growth

    growth = Growth(more, more_studies, more_seeds)
    return _judged(resume_sweep(name, str(storage), address, console, growth), storage, address)


def load(name: str, *, storage: str | Path = DEFAULT_STORAGE, tracking_uri: str | None = None) -> JudgedSweep:
    """Read a sweep from its MLflow runs, and judge it. Raises InputError where there is none."""
    from analysis import JudgedSweep
    from cluster.storage.sweep_folder import tracking_uri_of

    return JudgedSweep.load(name, tracking_uri or tracking_uri_of(storage, name))


def _judged(session: Session, storage: str | Path, address: str | None) -> JudgedSweep:
    """The sweep of a session with its verdict, and its report in its folder."""
    from analysis import JudgedSweep
    from cluster.run.until_decided import until_decided

    with until_decided(session, _unsettled, str(storage), address, console) as ended:
        if ended.code:
            raise RuntimeError(
                f"{ended.name}: the sweep stopped before its end; go on with adamant.resume({ended.name!r})"
            )
        judged = JudgedSweep.load(ended.name, ended.tracking_uri, ended.confirm_link)
        ended.verdict_tags.update(judged.tags)
        judged.report(ended.report_folder)
        return judged


def _unsettled(ended: EndedSweep) -> list[str]:
    """The arms of which the sweep does not show how they compare."""
    from analysis import JudgedSweep

    return JudgedSweep.load(ended.name, ended.tracking_uri).unsettled


def _tell(ended: EndedSweep, json_file: Path | None, expect: str | None) -> int:
    """Print the verdict of a sweep that has just ended, and leave it in its report folder."""
    from analysis import JudgedSweep, to_json
    from cluster.run.expectation import unexpected

    judged = JudgedSweep.load(ended.name, ended.tracking_uri, ended.confirm_link)
    code = 0 if all(arm.scores for verdict in judged.verdicts for arm in verdict.arms) else FAILED
    ended.verdict_tags.update(judged.tags)
    print_lines(console, [f"\n{judged}", *ended.links])
    try:
        told = f"Report: {judged.report(ended.report_folder)}"
    except Exception as error:  # noqa: BLE001 - whatever a figure or the disk does, the sweep is done and its runs are safe
        told = f"warning: no report ({error}); when this is mended: adamant report {ended.name} --out DIR"
    print_lines(console, [told])
    if json_file is not None:
        try:
            write_json(json_file, to_json(judged.verdicts, judged.confirm_link))
        except OSError as error:
            told = f"error: no verdict as JSON ({error}); when this is mended: adamant report {ended.name} --json"
            print_lines(console, [told])
            return FAILED
    if told := unexpected(ended, expect):
        print_lines(console, [told])
    return FAILED if told else code


def _designs(sweep: Sweep, pilot: str, tracking_uri: str, difference: float) -> list[tuple[int, int]]:
    """The numbers of studies, and of seeds in each, by which a sweep would see a difference, from a pilot's noise."""
    from analysis import read_sweep
    from analysis.verdict.pilot import designs_for

    return [(one.studies, one.seeds) for one in designs_for(sweep, read_sweep(pilot, tracking_uri), difference)]


@clear_errors
def report(
    name: SweepName,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report there: a page, Markdown with figures, data.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    storage: Storage = DEFAULT_STORAGE,
    tracking_uri: TrackingUri = None,
) -> None:
    """Print the verdict of a sweep from its MLflow runs; with --out, write the whole report."""
    if out is not None:
        check_output_folder("--out", out)
    # Some seconds of work that keep nearly all that they make: looking for garbage took a quarter of the time.
    gc.disable()
    from analysis import to_json

    judged = load(name, storage=storage, tracking_uri=tracking_uri)
    page = None if out is None else judged.report(out)
    typer.echo(json.dumps(to_json(judged.verdicts), indent=2) if as_json else str(judged))
    if page is not None:
        echo(f"Report: {page}", err=as_json)


@clear_errors
def trajectories(
    functions: Annotated[list[str] | None, typer.Argument(help="Such as rosenbrock; all when left out.")] = None,
    optimizer: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Repeatable; all when left out.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the figures.")] = Path("trajectories"),
) -> None:
    """Draw the way that each optimizer takes down known functions, and count its steps."""
    check_output_folder("--out", out)
    from rich.progress import track

    import optimizers
    from analysis.figures.trajectories import draw_paths, draw_steps, make_folder
    from optimizers.factory import OPTIMIZERS
    from trainables.workloads.function_walks import FUNCTIONS, METHOD, landscape, trajectory

    grounds = [landscape(name) for name in functions or FUNCTIONS]
    chosen = [optimizers.get(name).name for name in optimizer or [one.name for one in OPTIMIZERS.entries()]]
    make_folder(out)
    table = {}
    for ground in grounds:
        steps = track(chosen, description=ground.name, console=console, disable=not console.is_terminal)
        table[ground.name] = [trajectory(ground.name, name) for name in steps]
        echo(draw_paths(ground, table[ground.name], METHOD, out / f"trajectories-{ground.name}.png"))
    echo(draw_steps(table, METHOD, out / "trajectories-steps.png"))


for command in (
    *(new_command.new, check_command.check, *sweep_commands(_unsettled, _tell), query_commands.validate),
    *(
        plan_command(_designs),
        query_commands.list_,
        query_commands.data,
        sweeps_command.sweeps,
        watch_commands.status,
        watch_commands.stop,
        rm_command.rm,
        transfer_commands.export,
        transfer_commands.import_,
        report,
        run_commands.ui,
        run_commands.replay,
        faults_command.faults,
        trajectories,
    ),
):
    app.command(name=command.__name__.removesuffix("_"))(command)
cluster_app = typer.Typer(help="Ray clusters, and sweeps as their jobs.", no_args_is_help=True)
app.add_typer(cluster_app, name="cluster")
for command in (
    *(launch_commands.render, launch_commands.check, launch_commands.up, launch_commands.down),
    launch_commands.attach,
    *(job_commands.submit, job_commands.status, job_commands.logs, job_commands.stop),
):
    cluster_app.command()(command)


if __name__ == "__main__":
    app()
