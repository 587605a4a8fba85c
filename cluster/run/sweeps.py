"""Running a sweep from its first trial to its verdict, and going on with one that was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from cluster.inventory.removal import finish_removals
from cluster.planning import preflight
from cluster.run.driver import Driver
from cluster.run.ended import EndedSweep
from cluster.storage.locations import kept_location, name_server
from cluster.storage.recorded import check_no_copy, check_recorded, check_same_data, is_there
from cluster.storage.rounds import Rounds
from cluster.storage.staging import IMPORTED, staged
from cluster.storage.sweep_folder import (
    DATABASE,
    JOURNAL,
    STUDY_VARIABLE,
    TRACKING_VARIABLE,
    Manifest,
    SweepFolder,
    data_root_of,
    new_sweep_id,
)
from cluster.storage.trust import check_trust
from cluster.tracking.run_description import trial_spec
from optimizers import InputError
from search_spaces import Sweep
from search_spaces.schema.methods import get_method
from search_spaces.schema.sweep_file import SweepFile
from search_spaces.stores.addresses import is_server, sqlite_address
from search_spaces.sweep.growth import Growth, grown, grown_as
from search_spaces.sweep.loading import check_workloads
from search_spaces.tracking.artifact_addresses import correct_addresses
from search_spaces.tracking.codec import flatten
from trainables.mlflow_contract import EXPERIMENT_PREFIX, Tag

NO_GROWTH = Growth()


@dataclass(frozen=True)
class Places:
    """Where a new sweep keeps things; None stands for the default below ``storage``."""

    storage: str
    tracking_uri: str | None = None
    study_storage: str | None = None
    data: str | None = None

    def manifest(self, name: str, rounds: Rounds | None = None) -> Manifest:
        root = Path(self.storage).expanduser().resolve()
        if self.tracking_uri:
            name_server(self.tracking_uri)
        return Manifest(
            sweep_id=new_sweep_id(name),
            tracking_uri=kept_location(self.tracking_uri, TRACKING_VARIABLE, sqlite_address(root / DATABASE)),
            study_storage=kept_location(self.study_storage, STUDY_VARIABLE, str(root / JOURNAL)),
            data_root=str(data_root_of(root, self.data)),
            rounds=rounds,
        )


@contextmanager
def run_sweep(
    sweep: Sweep,
    places: Places,
    address: str | None,
    console: Console,
    *,
    probe: bool = False,
    rounds: Rounds | None = None,
) -> Iterator[EndedSweep]:
    """Run a new sweep and yield it ended; what the caller puts into its report folder becomes part of its summary run.

    With ``probe`` the time that it will take is measured and told first, and the report compares. With ``rounds`` this
    is the first of them, see :func:`cluster.run.until_decided.until_decided`.

    Raises InputError, with nothing written, for anything wrong beforehand.
    """
    manifest = places.manifest(sweep.name, rounds)
    folder = SweepFolder(places.storage, sweep.name)
    finish_removals(places.storage, sweep.name)  # of one before, whose runs and studies have the same names
    _refuse_taken_name(sweep, folder)
    preflight.check_resources(sweep, address)
    preflight.check_data(sweep, Path(manifest.data_root))
    preflight.check_tracking(manifest.tracking_location)
    preflight.check_ray(address)
    preflight.check_address(address)
    preflight.check_study_storage(manifest.study_location, sweep)
    _check_schedules(sweep, Path(manifest.data_root))
    _check_sampler(sweep)
    _check_code(sweep, Path(manifest.data_root))
    _check_gpus(sweep, address, manifest, console)
    plan_tags = _probed(sweep, Path(manifest.data_root), console) if probe else {}
    with folder.locked():
        _refuse_taken_name(sweep, folder)
        folder.create(sweep, manifest)
        yield from Driver(folder, sweep, manifest, console).drive(address, plan_tags)


def _check_code(sweep: Sweep, data_root: Path) -> None:
    """Raise InputError where the user's code does not work: every arm takes its first steps in a process of its own."""
    if not sweep.code.digest:
        return
    from search_spaces.study.assignment import default_assignment
    from trainables.tune.dry_step import dry_step

    contests = [sweep.on(name) for name in sweep.by_workload]
    specs = [trial_spec(one, default_assignment(one, arm)) for one in contests for arm in one.arms]
    dry_step(specs, data_root, sweep.code, sweep.resources.process_timeout)


def _check_schedules(sweep: Sweep, data_root: Path) -> None:
    """See :func:`cluster.planning.schedule_lengths.check_schedules`, whose plan needs SciPy."""
    from cluster.planning.schedule_lengths import check_schedules

    check_schedules(sweep, data_root)


def _check_sampler(sweep: Sweep) -> None:
    """See :func:`search_spaces.study.first_draws.check_sampler`, which needs Optuna."""
    if get_method(sweep.search.method).plain:
        from search_spaces.study.first_draws import check_sampler

        check_sampler(sweep)


def _check_gpus(sweep: Sweep, address: str | None, manifest: Manifest, console: Console) -> None:
    """See :func:`cluster.planning.gpus.check_gpus`, which needs Ray."""
    if sweep.resources.gpu:
        from cluster.planning.gpus import check_gpus

        check_gpus(sweep, address, Path(manifest.data_root), console)


def _probed(sweep: Sweep, data_root: Path, console: Console) -> dict[str, str]:
    """Tell what the sweep will take on this machine; tags that keep it."""
    from cluster.planning import planned
    from cluster.planning.plan import probed_plan

    plan = probed_plan(sweep, data_root)
    for line in planned.totals(plan, sweep, None):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return {Tag.PLAN_WALL_S: str(plan.wall_s)}


def _refuse_taken_name(sweep: Sweep, folder: SweepFolder) -> None:
    if folder.exists or staged(folder.storage / IMPORTED, sweep.name):
        raise sweep.file.error(
            "name",
            f'there is a sweep "{sweep.name}" in {folder.storage} already: go on with `adamant resume {sweep.name}` '
            f'(in Python: adamant.resume("{sweep.name}")), or choose another name, for example with --set name=...',
        )


@contextmanager
def resume_sweep(
    name: str,
    storage: str,
    address: str | None,
    console: Console,
    growth: Growth = NO_GROWTH,
    *,
    trusted: bool = False,
    rounds: Rounds | None = None,
) -> Iterator[EndedSweep]:
    """Go on with a sweep where it stands, with what it gets, and yield it ended as :func:`run_sweep` does.

    ``rounds`` are those that are asked for now: the recorded ones, with as much time as they may take by now. The
    user's code that is executed is that with which the sweep was begun, wherever it came from then.
    """
    folder = SweepFolder(storage, name)
    folder.open()
    with folder.locked():
        code = folder.bundle()
        check_trust(code, name, trusted=trusted)
        sweep, manifest = folder.open(code)
        check_workloads(sweep)
        preflight.check_resources(sweep, address)
        preflight.check_data(sweep, Path(manifest.data_root))
        preflight.check_tracking(manifest.tracking_location)
        preflight.check_ray(address)
        preflight.check_address(address)
        check_no_copy(folder, manifest)
        for warning in check_recorded(folder, sweep, manifest):
            console.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)
        check_same_data(folder, sweep, Path(manifest.data_root))
        _check_sampler(sweep)
        _check_gpus(sweep, address, manifest, console)
        manifest = _in_rounds(name, sweep, manifest, growth, rounds)
        if growth.trials:
            _refuse_more_members(sweep)
        if growth:
            sweep = folder.replace(grown(sweep, growth))
        if is_there(manifest.tracking_location) and not is_server(manifest.tracking_location):
            correct_addresses(manifest.tracking_location, folder.artifacts, EXPERIMENT_PREFIX + name)
        # What was planned was without what it gets.
        plan_tags: dict[str, str] = {Tag.PLAN_WALL_S: ""} if growth else {}
        yield from Driver(folder, sweep, folder.next_session(manifest), console).drive(address, plan_tags)


def _in_rounds(name: str, sweep: Sweep, manifest: Manifest, growth: Growth, asked: Rounds | None) -> Manifest:
    """Return the manifest with the time that rounds may take now.

    Raises InputError for rounds other than those that were planned, and for growth that would be a look in between.
    """
    rounds = manifest.rounds
    if asked is not None and (rounds is None or rounds.planned != asked.planned):
        planned = "at its end alone" if rounds is None else f"after {rounds.in_words}"
        raise InputError(
            f'"{name}" is there already, and was planned to be judged {planned}, not after {asked.in_words}: looks '
            "that were not planned would err too often. Choose another name, for example with --set name=..."
        )
    if rounds is None:
        return manifest
    studies = sweep.search.studies + growth.studies
    if growth and (growth.trials or growth.seeds or studies not in rounds.planned):
        raise InputError(
            f"{name} is judged in rounds, after {rounds.in_words}, and what it got in between would make another look; "
            f"`adamant resume {name}` adds what is planned"
        )
    return replace(manifest, rounds=replace(rounds, at_most_s=asked.at_most_s)) if asked else manifest


def refuse_another(asked: Sweep, storage: str, *, started_from: bool = False) -> None:
    """Raise InputError where the sweep of that name in ``storage`` asks something else.

    What it got is no matter, nor, where it is ``started_from`` another sweep, what its arms started with.
    """
    known = SweepFolder(storage, asked.name).open()[0]
    theirs, ours = _asked(known.file), _asked(grown_as(asked.file, known.file))
    if known.search.trials > asked.search.trials:
        ours["search.trials"] = theirs["search.trials"]
    if started_from:
        theirs, ours = ({k: v for k, v in keys.items() if not k.endswith(".start")} for keys in (theirs, ours))
    changed = [key for key in sorted({*theirs, *ours}) if theirs.get(key) != ours.get(key)]
    if changed:
        # Rather what the file says than what the sweep got.
        key = next((key for key in changed if key in ours), changed[0])
        raise InputError(
            f'"{asked.name}" is there already with another {key} ({theirs.get(key)!r}, '
            f"not {ours.get(key)!r}); choose another name, for example with --set name=..."
        )


def refuse_other_code(asked: Sweep, storage: str) -> None:
    """Raise InputError where the sweep of that name in ``storage`` was begun with other code than what it uses now."""
    recorded = SweepFolder(storage, asked.name).bundle()
    changed = asked.code.differences(recorded)
    if changed:
        raise asked.file.error(
            "uses",
            f'{", ".join(changed)}: not what "{asked.name}" was begun with; `adamant resume {asked.name}` goes on with '
            "the code as it was then, or choose another name, for example with --set name=...",
        )


def _asked(file: SweepFile) -> dict[str, object]:
    """What a sweep asks, by dotted key; an empty mapping asks nothing."""
    return {key: value for key, value in flatten(file.plain()).items() if value != {}}


def _refuse_more_members(sweep: Sweep) -> None:
    from search_spaces.study.population import is_population

    populations = [arm for arm in sweep.arms if is_population(sweep, arm)]
    if populations:
        raise InputError(
            f"--more: {', '.join(populations)} is a population whose members have ended together; "
            "start another sweep, for example with --set name=..."
        )
