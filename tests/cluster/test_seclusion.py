"""A sweep on this machine is out of reach of its other users and of the network, and its secrets are its owner's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from cluster.console.command_line import clear_errors
from cluster.planning.preflight import check_ray
from cluster.ray.local_ray import secluded
from cluster.ray.token import ensure_token, token_path
from cluster.services.head_services import Services
from cluster.storage import locations
from cluster.storage.sweep_folder import Manifest, SweepFolder
from optimizers import InputError
from search_spaces import parse_sweep
from search_spaces.stores.addresses import sqlite_address
from tests.conftest import REPOSITORY, FrontDoor

SWEEP = """
name: s
workload: {name: mlp/digits, epochs: 1}
baseline: adam
arms: {adam: {optimizer: adam, space: [lr]}}
search: {trials: 2}
"""


@pytest.fixture(autouse=True)
def lenient_umask() -> Iterator[None]:
    before = os.umask(0o002)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_rays_token_is_made_for_its_owner_alone(home: Path) -> None:
    ensure_token()
    assert token_path() == home / ".ray" / "auth_token"
    assert (mode(token_path()), mode(home / ".ray")) == (0o600, 0o700)
    assert len(token_path().read_text()) == 64
    before = token_path().read_text()
    ensure_token()
    assert token_path().read_text() == before


def test_a_token_that_everybody_may_read_is_closed_and_kept(home: Path) -> None:
    (home / ".ray").mkdir(mode=0o755)
    token_path().write_text("token")
    token_path().chmod(0o644)
    ensure_token()
    assert (mode(token_path()), mode(home / ".ray")) == (0o600, 0o700)
    assert token_path().read_text() == "token"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_token_that_somebody_else_has_put_there_is_refused(home: Path) -> None:
    (home / ".ray").mkdir(mode=0o700)
    token_path().write_text("theirs")
    os.chown(token_path(), 12345, 12345)
    with pytest.raises(InputError, match="auth_token: it belongs to another user"):
        ensure_token()


@pytest.mark.parametrize(
    ("locations", "expected"),
    [
        ({}, 0o664),
        ({"tracking_uri": "http://user:secret@127.0.0.1:9"}, 0o600),
        ({"study_storage": "postgresql://u:secret@127.0.0.1/x"}, 0o600),
        ({"study_storage": "postgresql://127.0.0.1/x?user=u&password=secret"}, 0o600),
    ],
)
def test_a_manifest_that_holds_a_password_is_its_owners_alone(
    tmp_path: Path, locations: dict[str, str], expected: int
) -> None:
    folder = SweepFolder(tmp_path, "s")
    folder.path.mkdir()
    usual = {"tracking_uri": sqlite_address(tmp_path / "mlflow.db"), "study_storage": str(tmp_path / "study.journal")}
    where = {**usual, **locations}
    manifest = Manifest("s-1", where["tracking_uri"], where["study_storage"], str(tmp_path / "data"))
    folder.create(parse_sweep(SWEEP), manifest)
    assert mode(folder.path / "manifest.json") == expected
    folder.next_session(manifest)
    assert mode(folder.path / "manifest.json") == expected


LISTENING = """
import json
import sys
import tempfile
import threading
from pathlib import Path

import psutil

from cluster.ray.session import ray_session

with ray_session(None, print):
    import ray

    folder = Path(ray._private.worker._global_node.temp_dir)
    where = ray.get(ray.remote(lambda: ray.util.get_node_ip_address()).remote())
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    told = {
        "names": sorted({one.name() for one in processes}),
        "listening": sorted({c.laddr.ip for one in processes for c in one.net_connections("inet")
                             if c.status == psutil.CONN_LISTEN}),
        "node": where,
        "folder": str(folder.parent),
        "mode": folder.parent.stat().st_mode & 0o777,
        "sessions": len(list(folder.glob("session_2*"))),
    }
print(json.dumps(told))
"""


@pytest.mark.cluster
def test_ray_on_this_machine_listens_to_it_alone_in_a_folder_that_no_other_user_enters(front_door: FrontDoor) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LISTENING], cwd=REPOSITORY, env=front_door.environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert {"gcs_server", "raylet"} <= set(told["names"])
    assert {address.removeprefix("::ffff:") for address in told["listening"]} == {"127.0.0.1"}
    assert told["node"] == "127.0.0.1"
    assert (told["mode"], told["sessions"]) == (0o700, 1)
    assert not Path(told["folder"]).exists()


@pytest.mark.parametrize("name", ["admin_password", "session_secret", "database_password", "artifacts"])
@pytest.mark.parametrize("value", ["x\nLD_PRELOAD=/tmp/evil.so", "x\r\ny", "", 7, None])
def test_no_password_of_a_backup_sets_another_variable(tmp_path: Path, name: str, value: object) -> None:
    saved = {
        **dict.fromkeys(("artifacts", "database_password", "admin_password", "session_secret"), "good"),
        **dict.fromkeys(("port", "database_port", "studies_port"), 5000),
    }
    (tmp_path / "services.json").write_text(json.dumps(saved))
    assert Services.open(tmp_path).settings.admin_password == "good"
    (tmp_path / "services.json").write_text(json.dumps({**saved, name: value}))
    with pytest.raises(InputError, match=rf"services\.json is damaged \({name} is not a text of one line\)"):
        Services.open(tmp_path)


@pytest.mark.parametrize("key", ["tracking_uri", "study_storage"])
def test_a_manifest_of_others_reads_no_variable_but_its_own(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"tracking_uri": "ADAMANT_TRACKING_URI", "study_storage": "ADAMANT_STUDY_STORAGE"}
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
    monkeypatch.setenv(own[key], "postgresql://u:secret@127.0.0.1/x")
    kept = {"sweep_id": "s-1", "tracking_uri": "sqlite:///x.db", "study_storage": "x", "data_root": "data"}
    (tmp_path / "s").mkdir()
    for variable in ("AWS_SECRET_ACCESS_KEY", "HOME", "", *own.values()):
        changed = {**kept, "storage": str(tmp_path), key: f"environment:{variable}"}
        (tmp_path / "s" / "manifest.json").write_text(json.dumps(changed))
        manifest = SweepFolder(tmp_path, "s").manifest()
        if variable == own[key]:
            found = manifest.tracking_location if key == "tracking_uri" else manifest.study_location
            assert found == "postgresql://u:secret@127.0.0.1/x"
            continue
        with pytest.raises(InputError, match=f"a manifest may name .{own[key]} alone") as refused:
            _ = manifest.tracking_location if key == "tracking_uri" else manifest.study_location
        assert "top-secret" not in str(refused.value)


class UnforeseenError(Exception):
    pass


@pytest.mark.parametrize(
    "error",
    [UnforeseenError("http://u:secret@h/x\x1b[2J"), InputError("http://u:secret@h"), OSError("postgres://u:secret@h")],
)
def test_no_error_shows_a_password_or_moves_the_cursor(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    @clear_errors
    def command() -> int:
        raise error

    with pytest.raises(typer.Exit):
        command()
    told = "".join(capsys.readouterr())
    assert "://u:***@h" in told
    assert "secret" not in told
    assert "\x1b" not in told


def test_rays_folder_goes_also_while_something_still_writes_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(home / "tmp"))

    def write(folder: Path) -> None:
        for number in range(2_000):
            with suppress(OSError):
                (folder / str(number)).mkdir()

    with secluded() as settings:
        folder = Path(settings["_temp_dir"])
        folder.mkdir()
        assert mode(folder.parent) == 0o700
        writing = threading.Thread(target=write, args=(folder,))
        writing.start()
    writing.join()
    assert list((home / "tmp").iterdir()) == []


def test_a_folder_for_ray_that_others_can_replace_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = home / "shared"
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    check_ray(None)  # it is yet to be made
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(InputError, match="shared: another user can replace what is made there"):
        check_ray(None)
    place.chmod(0o1777)
    check_ray(None)
    check_ray("somewhere:6379")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_what_ray_needs_of_another_user_is_refused_before_anything_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = home / "theirs"
    place.mkdir()
    os.chown(place, 12345, 12345)
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    with pytest.raises(InputError, match="theirs: another user can replace"):
        check_ray(None)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))
    (home / "token").write_text("0" * 64)
    os.chown(home / "token", 12345, 12345)
    with pytest.raises(InputError, match="token: it belongs to another user"):
        check_ray("somewhere:6379")


def test_a_password_goes_to_no_server_that_only_a_manifest_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a storage folder could have named a server of their own."""
    for variable in ("ADAMANT_TRACKING_URI", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(locations, "_named", set())
    manifest = Manifest("s-1", "http://evil.example:5000", "study.journal", "data")
    assert manifest.tracking_location == "http://evil.example:5000", "nothing is sent there"
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    with pytest.raises(InputError, match=r"\$MLFLOW_TRACKING_PASSWORD would be sent there"):
        _ = manifest.tracking_location
    monkeypatch.setenv("ADAMANT_TRACKING_URI", "http://other.example:5000")
    with pytest.raises(InputError, match="only the sweep's manifest names this server"):
        _ = manifest.tracking_location
    monkeypatch.setenv("ADAMANT_TRACKING_URI", "http://me:secret@evil.example:5000/")
    assert manifest.tracking_location
    monkeypatch.delenv("ADAMANT_TRACKING_URI")
    locations.name_server("http://evil.example:5000")
    assert manifest.tracking_location


def test_rays_folder_has_room_for_its_sockets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    for usual in (home / ("long" * 10), home.parent):
        usual.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(tempfile, "tempdir", str(usual))
        with secluded() as settings:
            assert len(settings["_temp_dir"]) <= 41
            assert Path(settings["_temp_dir"]).parent.parent == (Path("/tmp") if len(str(usual)) > 31 else usual)


@pytest.mark.parametrize(
    "forged",
    [
        *(
            {key: value}
            for key in ("sweep_id", "tracking_uri", "study_storage", "data_root")
            for value in (5, None, [])
        ),
        *({"session": value} for value in ("x", None, 1.5, [])),
        *({"rounds": value} for value in ([1], "x", {"planned": 1}, {"planned": [2], "taken": [2], "y": 1})),
        *({"storage": 5}, {"another": 1}),
    ],
    ids=str,
)
def test_a_manifest_of_another_shape_is_one_sentence(tmp_path: Path, forged: dict[str, object]) -> None:
    kept = {
        "sweep_id": "s-1",
        "tracking_uri": "sqlite:///x.db",
        "study_storage": "x",
        "data_root": "data",
        "session": 2,
    }
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "manifest.json").write_text(json.dumps(kept))
    assert SweepFolder(tmp_path, "s").manifest().session == 2
    (tmp_path / "s" / "manifest.json").write_text(json.dumps({**kept, **forged}))
    with pytest.raises(InputError, match="this manifest is damaged") as refused:
        SweepFolder(tmp_path, "s").manifest()
    assert len(str(refused.value).splitlines()) == 1
