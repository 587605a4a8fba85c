"""The studies of a sweep: as many runs as were asked for, each configuration once, none without an end or a reason."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from cluster.audit.audit_findings import Finding, Kind, Part, State
from cluster.storage.locations import location_path
from cluster.storage.recorded import check_recorded, is_there, newer_trials
from cluster.storage.sweep_folder import STUDY_VARIABLE, Manifest, SweepFolder
from optimizers import InputError
from optimizers.files import aside
from search_spaces import Sweep
from search_spaces.schema.words import plural
from search_spaces.stores.addresses import without_password
from search_spaces.stores.journal_lines import corrected
from search_spaces.stores.study_storage import open_storage
from search_spaces.study.arm_studies import ArmStudies, open_arms
from search_spaces.study.population import PopulationStudy
from search_spaces.study.recorded_search import is_discarded, key_of, search_study_name
from trainables.mlflow_contract import Role, Status


def journal_findings(folder: SweepFolder, manifest: Manifest) -> Iterator[Finding]:
    """Yield the damaged lines of a study journal."""
    path = location_path(manifest.study_location)
    if "://" in manifest.study_location or path is None or not path.is_file():
        return
    is_own = path.resolve().is_relative_to(folder.storage) or str(path) == os.environ.get(STUDY_VARIABLE)
    alone = len([*folder.storage.glob("*/manifest.json")]) == 1
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line or (whole := corrected(line)) == [line]:
            continue
        problem = f"line {number} is damaged"
        if not is_own:  # a manifest of somebody else can name any file as its journal
            told = f"{problem}, and this file is not in the storage folder: restore it from a copy"
            yield Finding(Part.STUDY, str(path), told)
        elif whole is not None:
            yield Finding(Part.STUDY, str(path), problem, mend=partial(_correct, path))
        elif alone:
            yield Finding(Part.STUDY, str(path), f"{problem} in more than a bit", mend=partial(_cut, path, number))
        else:
            more = "in more than a bit, and other sweeps are in this journal: restore it from a copy"
            yield Finding(Part.STUDY, str(path), f"{problem} {more}")
        if whole is None:  # what follows is told once this is mended; each line takes time
            return


def _cut(path: Path, number: int) -> str:
    """Drop that line and all after it, which a resume records again as they were."""
    content = path.read_bytes()
    before = content.split(b"\n")[: number - 1]
    if content.count(b"\n") < number:
        return "it was set aside with one before it"
    kept = aside(path)
    kept.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(sum(len(line) + 1 for line in before))
    return f"it is set aside with all after it in {kept.name}, and what it held is found again by a resume"


def _correct(path: Path) -> str:
    """Put right every line of which a single bit has flipped."""
    content = path.read_bytes()
    kept = aside(path)
    kept.write_bytes(content)
    lines = [corrected(line) or [line] if line else [line] for line in content.split(b"\n")]
    # In place, and not by a rename: whoever has the journal open goes on with this file.
    with path.open("r+b") as file:
        file.write(b"\n".join(part for parts in lines for part in parts))
    return f"by its digest, one bit was put right; the file as it was is {kept.name}"


def newer_findings(folder: SweepFolder, sweep: Sweep, manifest: Manifest) -> Iterator[Finding]:
    """Yield the trials that were trained and that no study knows, as it is an older one, or was cut."""
    for trial_id in newer_trials(folder, sweep, manifest):
        problem = "it was trained, and no study knows it"
        yield Finding(Part.STUDY, trial_id, problem, mend=partial(_set_trial_aside, folder.trial(trial_id)))


def _set_trial_aside(trial: Path) -> str:
    kept = aside(trial)
    trial.rename(kept)
    return f"its folder is set aside as {kept.name}, and it is trained again when its number is drawn"


def opened_studies(folder: SweepFolder, sweep: Sweep, manifest: Manifest) -> dict[str, ArmStudies] | Finding:
    """Return the studies of every arm; or, where they cannot be looked at, why. Makes none that is not there."""
    where = without_password(manifest.study_location)
    try:
        check_recorded(folder, sweep, manifest)
        if not is_there(manifest.study_location):
            return Finding(Part.STUDY, where, "nothing has been recorded yet", State.OPEN)
        storage = open_storage(manifest.study_location)
        there = {study.study_name for study in storage.get_all_studies()}
        names = [search_study_name(contest, arm) for contest in sweep.contests.values() for arm in sweep.arms]
        if missing := [name for name in names if name not in there]:
            return Finding(Part.STUDY, where, f"there is no study {', '.join(missing)} yet", State.OPEN)
        return open_arms(storage, sweep)
    except InputError as error:
        return Finding(Part.STUDY, where, str(error))


def study_findings(arms: Mapping[str, ArmStudies]) -> Iterator[Finding]:
    """Yield what is not as it should be in the studies."""
    for path, arm in arms.items():
        yield from _still_to_run(path, arm)
        for assignment, outcome in arm.ended():
            if outcome.status == Status.FAILED and not outcome.reason:
                yield Finding(Part.STUDY, assignment.trial_id, "it failed, and the study does not say why")
        if not isinstance(arm.search, PopulationStudy):
            yield from _repeated(path, arm)


def _still_to_run(path: str, arm: ArmStudies) -> Iterator[Finding]:
    if not arm.search.gave_up and (left := in_words(arm.left())):
        yield Finding(Part.STUDY, path, f"still to be trained: {left}", State.OPEN)


def in_words(counts: Mapping[Role, int]) -> str:
    """Such as "4 trials and 1 confirmation"; what there is none of is left out."""
    nouns = {Role.TRIAL: Role.TRIAL, Role.CONFIRM: "confirmation"}
    return " and ".join(plural(counts[role], noun) for role, noun in nouns.items() if counts.get(role))


def _repeated(path: str, arm: ArmStudies) -> Iterator[Finding]:
    """A configuration that was tried twice: trials that failed count as none."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for trial in arm.search.trials():
        if not is_discarded(trial):
            numbers[key_of(arm.search.configuration(trial))].append(trial.number)
    for of_one in numbers.values():
        if len(of_one) > 1:
            problem = f"the trials {', '.join(map(str, of_one))} have the same configuration"
            yield Finding(Part.STUDY, path, problem, kind=Kind.TWICE)
