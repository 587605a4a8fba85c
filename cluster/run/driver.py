"""One driver's session of work on a sweep: training what its studies still want, and telling MLflow."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cluster.console.command_line import FAILED, told
from cluster.console.events import RUNS, tell
from cluster.ray.interruption import ignore_signals, interrupt_on_signals, is_interrupted
from cluster.ray.local_ray import watched
from cluster.ray.session import lost_nodes, nodes_answer, ray_session, slot_counter
from cluster.run._session_teller import SessionTeller
from cluster.run._trial_config import drop_obsolete_states, trial_config
from cluster.run.announcing import announce
from cluster.run.ended import EndedSweep
from cluster.run.on_screen import print_lines, working
from cluster.run.served import links
from cluster.storage.commands import command_for
from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.tracking.run_description import describe, describe_summary
from cluster.tracking.run_notes import how_to_see, summary_note, with_note
from cluster.tracking.tracker import Tracker
from optimizers import InputError
from search_spaces import Sweep
from search_spaces.stores.addresses import without_password
from search_spaces.tracking.links import CONFIRM_VIEW, served_at, view_link
from trainables.mlflow_contract import Status, Tag, session_tag

if TYPE_CHECKING:
    from cluster.run._display import Display
    from cluster.storage.rounds import Rounds
    from cluster.tracking.run_description import RunDescription
    from search_spaces.study.arm_studies import ArmStudies
    from search_spaces.study.assignment import Assignment
    from trainables.tune.checkpoint import TrialFolder

DONE = 0
MAX_PENDING_TRIALS = 1000
# Ctrl-C promises an end within seconds; what MLflow has not taken by then, a resume sends.
CLOSING_FLUSH_S = 2.5
# A scheduler that sends SIGTERM waits longer than a person does.
SIGTERM_FLUSH_S = 20.0
# A tracking server that needs longer than this after the last trial is worth a word.
PATIENCE_S = 10.0


class Driver:
    """One session of work on a sweep; all that outlives it is in the study, the trial folders and MLflow."""

    def __init__(self, folder: SweepFolder, sweep: Sweep, manifest: Manifest, console: Console) -> None:
        self.folder, self.sweep, self.manifest, self.console = folder, sweep, manifest, console
        self.tracker = Tracker(manifest.tracking_location, sweep.name, manifest.sweep_id, folder.artifacts)
        self.summary = describe_summary(sweep)
        self.contests = sweep.contests
        self._began = time.monotonic()
        self._tags: dict[str, str] = {}
        self._closing_flush_s = CLOSING_FLUSH_S
        self._arms: dict[str, ArmStudies] = {}
        self._digest = ""
        self._teller = SessionTeller(folder, manifest)

    def drive(self, address: str | None, plan_tags: Mapping[str, str]) -> Iterator[EndedSweep]:
        """Train, yield the ended sweep, and publish its report; ``plan_tags`` say what was planned.

        Raises KeyboardInterrupt, with everything saved and the way to go on told, for Ctrl-C, SIGTERM and SIGHUP.
        """
        self._tags = {**plan_tags, Tag.SESSIONS: str(self.manifest.session)}
        interrupt_on_signals(self._save_longer)
        with self._teller:
            try:
                code = self._train_and_flush(address)
                ended = self._ended(code)
                yield ended
                if code == DONE:
                    self.tracker.tag(self.summary, ended.verdict_tags)
                    note = summary_note(self.sweep, self.manifest, self.folder.storage, self.tracker)
                    self.tracker.tag(self.summary, {Tag.NOTE: note})
                    if self.folder.report.is_dir():
                        self.tracker.artifact(self.summary, self.folder.report)
                    self.tracker.end(self.summary, Status.FINISHED)
                    self.tracker.flush()
            except KeyboardInterrupt:
                ignore_signals()
                self._say(f"\nInterrupted. Go on with: {self._command('resume')}")
                raise
            finally:
                # Whatever ended this driver, no run stays open that a resume would not find closed.
                self.tracker.interrupt()
                self.tracker.close(self._closing_flush_s)

    def _save_longer(self) -> None:
        self._closing_flush_s = SIGTERM_FLUSH_S

    def _train_and_flush(self, address: str | None) -> int:
        try:
            self._announce()
            try:
                self._train(address)
            finally:
                seconds = time.monotonic() - self._began
                self.tracker.tag(self.summary, {session_tag(self.manifest.session): f"{seconds:.1f}"})
                if rounds := self.manifest.rounds:
                    self._keep(replace(rounds, spent_s=rounds.spent_s + seconds))
        except InputError:
            raise
        except Exception as error:  # whatever it was, what is recorded can be gone on with
            if is_interrupted():
                raise KeyboardInterrupt from error
            self._say_stopped(told(error))
            return FAILED
        return self._wait_for_tracking()

    def _wait_for_tracking(self) -> int:
        """Wait until MLflow holds everything, and say what it does not take."""
        written = self.tracker.flush(PATIENCE_S)
        server = f"MLflow at {without_password(self.manifest.tracking_location)}"
        if not written and not (self.tracker.trouble and self.tracker.trouble.lasting):
            with working(self.console, f"Training is done. Waiting for {server}"):
                written = self.tracker.flush()
        if written:  # what somebody has deleted there meanwhile comes back
            self._close_runs(self.tracker.closed_runs_now())
            written = self.tracker.flush()
        if not written:
            self._teller.fail(f"{server} {self.tracker.trouble or 'is slow'}")
            self._say(
                f"{server} {self.tracker.trouble or 'is slow'}. Everything is safe in {self.folder.path}; "
                f"when this is mended, send it with: {self._command('resume')}"
            )
        elif refused := self.tracker.refused:
            parts = "; ".join(f"{name} ({reason})" for name, reason in refused.items())
            self._teller.fail(f"{server} does not hold everything of {parts}")
            self._say(
                f"{server} does not hold everything of {parts}. Everything is safe in {self.folder.path}; "
                f"when this is mended, send it again with: {self._command('resume')}"
            )
        return FAILED if not written or self.tracker.refused else DONE

    def _say_stopped(self, reason: str) -> None:
        self._teller.fail(reason)
        self._say(f"error: {reason}. What was recorded is safe; go on, when mended, with: {self._command('resume')}")

    def _end_without_ray(self, server: str) -> None:
        """End this process, from the thread that watches Ray: the main one may wait for it for ever."""
        self.console.show_cursor()
        self._say_stopped(f"Ray's {server} on this machine has ended")
        self.tracker.interrupt()
        self.tracker.close(self._closing_flush_s)
        sys.stdout.flush()
        os._exit(FAILED)

    def _announce(self) -> None:
        sweep = self.sweep
        self._say(f"{sweep.name}   {sweep.question}")
        for name, workload in sweep.by_workload.items():
            self._say(f"{name and f'{name}: '}{workload.name}, {sweep.extent}, {workload.budget}")
        announce(self.tracker, self.summary, self.folder, sweep, self.manifest)
        self.tracker.tag(self.summary, self._tags)

    def _train(self, address: str | None) -> None:
        """Train everything that the studies still want."""
        with ExitStack() as stack:
            with working(self.console, f"Connecting to Ray at {address}" if address else "Starting Ray"):
                stack.enter_context(ray_session(address, lambda told: self._say(f"warning: {told}")))
                stack.enter_context(watched(self._end_without_ray))
                from search_spaces.stores.study_storage import open_storage
                from search_spaces.study.arm_studies import open_arms

                arms = self._arms = open_arms(open_storage(self.manifest.study_location), self.sweep)
            if self.manifest.session > 1:  # a killed driver may have told the study of an end and not yet MLflow
                self._close_runs(self.tracker.closed_runs())
            first = self._links()[0]
            tell(RUNS, see=first)
            self._say(first)
            self._tune(arms)
        from cluster.run.conclusion import conclude

        self._digest = conclude(self.folder, self.sweep, arms, self.tracker, self.summary)
        if rounds := self.manifest.rounds:
            self._keep(rounds.with_look(self.sweep.search.studies))
        for name, arm in arms.items():
            if arm.search.gave_up:
                self._say(f"warning: {name} ended with fewer trials than asked: {arm.search.gave_up}")

    def _keep(self, rounds: Rounds) -> None:
        """Keep what has become of the rounds, in the sweep's folder and where a verdict reads it."""
        self.manifest = self.folder.keep(replace(self.manifest, rounds=rounds))
        self.tracker.tag(self.summary, {Tag.LOOKS: rounds.looks})

    def _tune(self, arms: dict[str, ArmStudies]) -> None:
        from cluster.run._display import Display

        with Display(self.sweep, self.console, arms) as display:
            self._teller.watch(display)
            self._fit(arms, display)
        shutil.rmtree(self.folder.tune, ignore_errors=True)

    def _fit(self, arms: dict[str, ArmStudies], display: Display) -> None:
        from ray import tune

        from cluster.ray.heartbeats import Heartbeats
        from cluster.ray.schedulers import SweepScheduler
        from cluster.ray.tune_searcher import TuneSearcher
        from cluster.ray.waiting import WaitingCallback
        from cluster.run._observer import RunObserver, Starts
        from search_spaces.study.searcher import SweepSearcher
        from trainables.tune.trial import Trial

        resources = self.sweep.resources
        slots = slot_counter(resources)
        # The searcher's own limit, which follows the cluster's size, is the one that counts.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(MAX_PENDING_TRIALS)
        observer = RunObserver(self._describe, self.folder, self.tracker, display)
        searcher = SweepSearcher(arms, self._configure, slots, nodes_answer, lost_nodes, observer)
        scheduler = SweepScheduler(searcher, slots, lambda id_: self._trial_folder(searcher.assignment(id_)).stop())
        tune.Tuner(
            Trial,
            tune_config=tune.TuneConfig(
                search_alg=TuneSearcher(searcher), scheduler=scheduler, num_samples=-1, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                name=f"session-{self.manifest.session}",
                storage_path=str(self.folder.tune),
                callbacks=[
                    Starts(searcher, observer),
                    WaitingCallback(resources, display.waits),
                    Heartbeats(searcher, resources.trial_timeout, self._heartbeat, display.warn),
                ],
                failure_config=tune.FailureConfig(max_failures=0),  # the searcher issues what is lost again
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        ).fit()

    def _configure(self, assignment: Assignment) -> dict[str, Any]:
        arm = self._arms[assignment.path]
        drop_obsolete_states(self.folder, arm.search, assignment)
        return trial_config(self.folder, self.manifest, arm, assignment)

    def _heartbeat(self, assignment: Assignment) -> int | None:
        return self._trial_folder(assignment).heartbeat()

    def _trial_folder(self, assignment: Assignment) -> TrialFolder:
        from trainables.tune.checkpoint import TrialFolder

        return TrialFolder(self.folder.trial(assignment.trial_id))

    def _close_runs(self, closed: set[str]) -> None:
        """Give MLflow every run that has ended and is not among those that are closed there."""
        from cluster.run.closing import close_run

        for arm in self._arms.values():
            for assignment, outcome in arm.ended():
                if assignment.trial_id not in closed:
                    close_run(self._describe(assignment), self.folder, self.tracker, assignment, outcome)

    def _describe(self, assignment: Assignment) -> RunDescription:
        """The MLflow run of an assignment."""
        contest = self.contests[assignment.contest]
        return with_note(describe(contest, assignment), self.sweep, self.manifest, self.folder.storage)

    def _ended(self, code: int) -> EndedSweep:
        # Only a sweep that is done has met its server; after Ctrl-C nobody waits for one.
        base = served_at(self.manifest.tracking_location) if code == DONE else None
        return EndedSweep(
            code=code,
            name=self.sweep.name,
            tracking_uri=self.manifest.tracking_location,
            links=self._links() if code == DONE else [],
            confirm_link=base and view_link(base, self.tracker.experiment_id(), self.manifest.sweep_id, CONFIRM_VIEW),
            report_folder=self.folder.report,
            digest=self._digest,
            rounds=self.manifest.rounds,
        )

    def _say(self, line: str) -> None:
        print_lines(self.console, [line])

    def _links(self) -> list[str]:
        """Lines that lead to the runs, the trials first."""
        base = served_at(self.manifest.tracking_location)
        if base is None:
            return [how_to_see(self.manifest, self.folder.storage)]
        return links(base, self.tracker.experiment_id(), self.manifest.sweep_id, self.tracker.run_id(self.summary))

    def _command(self, command: str) -> str:
        return command_for(self.folder, command)
