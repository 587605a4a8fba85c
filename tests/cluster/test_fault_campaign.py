"""`adamant faults`: what it draws, how it damages, what it counts; and some rounds of it."""

from __future__ import annotations

import random
import urllib.error
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from cluster.audit.audit_findings import Kind
from cluster.cli.faults_command import _chosen
from cluster.faults.campaign import Done, Ended
from cluster.faults.disturbed_server import Answers, DisturbedServer
from cluster.faults.disturbed_sweep import SWEEP, DisturbedSweep
from cluster.faults.fault import Fault, NotNowError
from cluster.faults.file_faults import file_faults
from cluster.run.served import answers, direct
from search_spaces import parse_sweep
from tests.conftest import CommandLine, FrontDoor


@pytest.fixture
def sweep(tmp_path: Path) -> DisturbedSweep:
    """A sweep that has not begun."""
    return DisturbedSweep(tmp_path / "sweep-1", tmp_path / "cache")


def test_the_sweep_is_sound() -> None:
    assert parse_sweep(SWEEP, "disturbed.yaml").search.trials > 1


def test_faults_have_names_of_their_own(tmp_path: Path) -> None:
    names = [fault.name for fault in _chosen(DisturbedServer(tmp_path / "server"), [])]
    assert len(names) == len(set(names)) > 50


def test_faults_are_listed_and_chosen_by_words(command_line: CommandLine) -> None:
    listed = command_line("faults", "--list", "--only", "kernel")
    assert listed.stdout.splitlines() == ["kernel: cut off", "kernel: a bit flipped", "kernel: a block of zeros"]
    unknown = command_line("faults", "--only", "kernell")
    assert unknown.returncode == 2
    assert "--only kernell: no fault has a name with this" in unknown.stderr


MOVES = ("storage moved", "storage behind a link")


@pytest.mark.parametrize(
    "fault", [fault for fault in file_faults() if fault.name not in MOVES], ids=lambda fault: fault.name
)
def test_a_damaged_file_has_changed_and_its_copy_has_not(sweep: DisturbedSweep, fault: Fault) -> None:
    with pytest.raises(NotNowError):
        fault.do(sweep, random.Random(0))
    files = [
        sweep.journal, sweep.database, sweep.folder.path / "manifest.json", sweep.folder.path / "sweep.yaml",
        sweep.folder.trial("adam/0") / "record.json", sweep.folder.trial("adam/0") / "checkpoints" / "a.pt",
        sweep.cache / "digits" / "train.npy", sweep.cache / "kernels" / "a.so",
    ]  # fmt: skip
    content = b"a line of it\n" * 100
    for seed in range(5):
        for path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        fault.do(sweep, random.Random(seed))
        [changed] = [path for path in files if path.read_bytes() != content]
        assert sweep.copies == {changed: content}
        assert sweep.restore()
        assert changed.read_bytes() == content


@pytest.mark.parametrize("name", MOVES)
def test_a_storage_that_was_moved_takes_its_copies_along(sweep: DisturbedSweep, name: str) -> None:
    [fault] = [fault for fault in file_faults() if fault.name == name]
    with pytest.raises(NotNowError):
        fault.do(sweep, random.Random(0))
    before = sweep.folder.storage
    sweep.journal.parent.mkdir()
    sweep.journal.write_bytes(b"damaged")
    sweep.copies = {sweep.journal: b"whole"}
    fault.do(sweep, random.Random(0))
    assert not before.exists()
    assert sweep.restore()
    assert sweep.journal.read_bytes() == b"whole"
    assert sweep.folder.storage != before


def test_a_sweep_counts_only_where_all_of_it_is_as_it_should_be() -> None:
    done = [Done(Fault("none", lambda *_: ""), "")]
    whole = {"whole": True, "findings": [{"state": "noted", "kind": "other"}]}
    assert Ended(done, whole, same=True).is_good
    assert not Ended(done, whole, same=False).is_good
    assert not Ended([Done(done[0].fault, "", unexpected="stuck")], whole, same=True).is_good
    lost = {"whole": False, "findings": [{"state": "damaged", "kind": "lost"}, {"state": "damaged", "kind": "twice"}]}
    assert not Ended(done, lost, same=True).is_good
    assert (Ended(done, lost, True).count(Kind.LOST), Ended(done, lost, True).count(Kind.TWICE)) == (1, 1)
    assert not Ended(done, {}, same=True).is_good, "it could not be checked"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DisturbedServer]:
    with DisturbedServer(tmp_path_factory.mktemp("disturbed") / "server") as one:
        yield one


def ask(server: DisturbedServer) -> bytes:
    with direct.open(f"{server.uri}/version", timeout=10) as answer:
        return answer.read()


@pytest.mark.cluster
def test_a_server_answers_badly_while_it_is_told_to(server: DisturbedServer) -> None:
    well = ask(server)
    errors = {
        Answers.NOTHING: ConnectionError,
        Answers.HALF: HTTPException,
        Answers.ERROR: urllib.error.HTTPError,
        Answers.REFUSAL: urllib.error.HTTPError,
    }
    for how, error in errors.items():
        server.answers = how
        with pytest.raises(error):
            ask(server)
    server.answers = Answers.GARBAGE
    assert ask(server) != well
    server.answers = Answers.WELL
    assert ask(server) == well


@pytest.mark.cluster
def test_a_server_that_was_killed_is_started_again_where_it_was(server: DisturbedServer) -> None:
    server.kill()
    assert not answers(server.uri)
    server.start()
    assert answers(server.uri)


@pytest.mark.cluster
@pytest.mark.alone
def test_some_faults_change_nothing(front_door: FrontDoor) -> None:
    options = [part for words in ("kill", "halt one trial", "SIG", "record", "journal") for part in ("--only", words)]
    ended = front_door("faults", "--rounds", "6", "--seed", "11", *options, timeout=1800)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Seed 11, 6 faults of" in ended.stdout
    assert "6 faults, " in ended.stdout
