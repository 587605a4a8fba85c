"""An audit of a sweep: what it looked at, and what it found there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.audit._records_part import record_findings
from cluster.audit._runs_part import RunsPart
from cluster.audit._study_part import (
    in_words,
    journal_findings,
    newer_findings,
    opened_studies,
    study_findings,
)
from cluster.audit.audit_findings import Finding, Part, State, mended
from cluster.storage.recorded import check_same_data
from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.storage.trust import check_trust
from optimizers import InputError
from search_spaces import Sweep
from search_spaces.schema.words import listing
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.digest import digest_of
from trainables.data.array_cache import set_damaged_aside
from trainables.mlflow_contract import Status


@dataclass(frozen=True)
class Audit:
    """What was found of a sweep.

    Attributes:
        recorded: What the studies hold, in words; "" where they cannot be read.
        failures: How many runs have failed.
        digest: That of what the sweep has found so far; "" likewise.
    """

    name: str
    findings: tuple[Finding, ...]
    recorded: str = ""
    failures: int = 0
    digest: str = ""

    def having(self, state: State) -> list[Finding]:
        """Return the findings of that state."""
        return [finding for finding in self.findings if finding.state == state]

    @property
    def is_whole(self) -> bool:
        """Whether everything is there and agrees, and nothing is left to be trained."""
        return not self.having(State.DAMAGED) and not self.having(State.OPEN)


def audit(folder: SweepFolder, *, repair: bool, trusted: bool) -> Audit:
    """Compare all that a sweep has recorded; with ``repair``, mend what can be mended and set aside what cannot.

    Without ``repair`` nothing is changed. Raises InputError while the sweep runs.
    """
    with folder.locked():
        try:
            code = folder.bundle()
        except InputError as error:
            return _unreadable(folder, error)
        check_trust(code, f"check {folder.name}", trusted=trusted)
        try:
            sweep, manifest = folder.open(code)
        except InputError as error:
            return _unreadable(folder, error)
        return _Looking(folder, sweep, manifest, repair).all()


def _unreadable(folder: SweepFolder, error: InputError) -> Audit:
    return Audit(folder.name, tuple(Finding(Part.SWEEP, folder.name, str(one)) for one in error.problems))


class _Looking:
    def __init__(self, folder: SweepFolder, sweep: Sweep, manifest: Manifest, repair: bool) -> None:
        self._folder, self._sweep, self._manifest, self._repair = folder, sweep, manifest, repair

    def all(self) -> Audit:
        findings = [*self._mended(journal_findings(self._folder, self._manifest))]
        if any(finding.state == State.DAMAGED for finding in findings):
            return Audit(self._sweep.name, tuple(findings))
        findings += self._mended(self._newer())
        arms = opened_studies(self._folder, self._sweep, self._manifest)
        if isinstance(arms, Finding):
            return Audit(self._sweep.name, (*findings, arms))
        findings += self._mended(study_findings(arms))
        findings += self._mended(record_findings(self._folder, arms))
        runs = RunsPart(self._folder, self._sweep, self._manifest, arms)
        findings += [*self._mended(runs.findings()), *runs.write()]
        findings += self._mended(self._data_findings())
        return Audit(self._sweep.name, tuple(findings), *_recorded(arms), digest_of(arms))

    def _mended(self, findings: Iterator[Finding]) -> Iterator[Finding]:
        return mended(findings) if self._repair else findings

    def _newer(self) -> Iterator[Finding]:
        try:
            yield from newer_findings(self._folder, self._sweep, self._manifest)
        except InputError:  # the studies cannot be opened, which is told where they are
            return

    def _data_findings(self) -> Iterator[Finding]:
        root = Path(self._manifest.data_root)
        try:
            check_same_data(self._folder, self._sweep, root)
        except InputError as error:
            yield Finding(Part.DATA, str(root), str(error), mend=_set_caches_aside)


def _set_caches_aside() -> str:
    """Raises OSError where no cache of this machine is damaged, so that it is the data itself."""
    if not (moved := set_damaged_aside()):
        raise OSError("no cache of this machine is damaged: it is the data itself")
    return f"the cache is set aside as {listing([path.name for path in moved])}, and is made again when it is needed"


def _recorded(arms: Mapping[str, ArmStudies]) -> tuple[str, int]:
    """How many runs of each kind have ended, in words, and how many of them have failed."""
    ended = [(assignment.role, outcome.status) for arm in arms.values() for assignment, outcome in arm.ended()]
    counts = in_words(Counter(role for role, status in ended if status != Status.FAILED))
    failed = sum(status == Status.FAILED for _, status in ended)
    return f"{counts or 'nothing'} recorded" + (f", {failed} failed" if failed else ""), failed
