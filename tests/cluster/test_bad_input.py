"""Bad input at the front door: exit code 2, one clear sentence, no traceback, and nothing written."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from sqlite3 import ProgrammingError

import pytest
from mlflow.exceptions import MlflowException
from rich.console import Console
from sqlalchemy.exc import OperationalError

from cluster.cli.ui import Server, serve
from cluster.console.command_line import told
from cluster.planning.preflight import check_address, check_ray
from cluster.storage.destinations import check_output_file, check_output_folder, write_json
from optimizers import InputError
from tests.conftest import ONE_STUDY, CommandLine, without_privileges
from tests.trainables.test_data import write_idx

CASES = {
    "unknown key": (
        ["--set", "search.trialz=4"],
        "search.trialz: unknown key; the keys here are method, arguments, trials, seed, window, points, studies, ",
    ),
    "unknown optimizer": (["--set", "arms.adam.optimizer=adaam"], 'Did you mean "adam"?'),
    "foreign hyperparameter": (
        ["--set", "arms.adam.parameters={momentum: {distribution: uniform, min: 0, max: 0.9}}"],
        'arms.adam.parameters.momentum: adam has no hyperparameter "momentum"',
    ),
    "min over max": (
        ["--set", "arms.adam.parameters={lr: {distribution: uniform, min: 1, max: 0.1}}"],
        "arms.adam.parameters.lr: min (1) must be smaller than max (0.1)",
    ),
    "log of zero": (
        ["--set", "arms.adam.parameters={lr: {distribution: log_uniform, min: 0, max: 0.1}}"],
        "arms.adam.parameters.lr: min must be greater than 0",
    ),
    "schedule out of range": (
        ["--set", "arms.scheduled.parameters={beta1_schedule: {value: linear}, beta1_schedule.to: {value: 1.2}}"],
        "every value must be in [0, 1)",
    ),
    "baseline that is no arm": (
        ["--set", "baseline=sgd"],
        'baseline: no arm is called "sgd"; the arms are adam, scheduled.',
    ),
    "no trials": (["--set", "search.trials=0"], "search.trials: must be at least 1, not 0"),
    "a part that the model does not have": (
        ["--set", "arms.adam.parameters={generator.lr: {value: 1e-3}}"],
        'arms.adam.parameters.generator.lr: mlp/digits has no part "generator"; it has one optimizer and no parts.',
    ),
    "unknown workload": (["--set", "workload.name=mlp/digit"], 'Did you mean "mlp/digits"?'),
    "unknown metric": (["--set", "metric.name=val/los"], 'mlp/digits has no metric "val/los"'),
    "nobody at the tracking URL": (["--tracking-uri", "http://127.0.0.1:9"], "no MLflow server answers there"),
    "neither server nor database": (["--tracking-uri", "somewhere"], "write the address of an MLflow server"),
    "nobody at the Ray address": (["--address", "127.0.0.1:9"], "no Ray cluster answers there"),
    "nobody at the tracking database": (
        ["--tracking-uri", "postgresql://nobody@127.0.0.1:9/none"],
        "the driver of this database is not installed",
    ),
    "more cores than there are": (["--set", "resources.cpu=512"], "resources.cpu: a trial wants 512 cores"),
    "more GPUs than there are": (["--set", "resources.gpu=512"], "resources.gpu: a trial wants 512 GPUs"),
    "a reserved name": (["--set", "name=mlflow.db"], "kept for Adamant's own files"),
    "no folder for the JSON": (["--json", "nowhere/verdict.json"], "there is no folder"),
    "a folder in place of the JSON": (["--json", "."], "--json .: this is a folder; name a file"),
    "an address with a port that there is not": (["--address", "127.0.0.1:99999"], "no Ray cluster answers there"),
    "nobody at the study database": (
        ["--study-storage", "postgresql://nobody@127.0.0.1:9/none"],
        "the study storage cannot be opened",
    ),
}


def files_under(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "home" not in path.relative_to(folder).parts}


def assert_refused(door: CommandLine, arguments: list[str], message: str) -> None:
    before = files_under(door.folder)
    ended = door(*arguments)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert files_under(door.folder) == before


@pytest.mark.parametrize("case", CASES)
def test_a_bad_sweep_is_refused_before_anything_starts(command_line: CommandLine, case: str) -> None:
    arguments, message = CASES[case]
    assert_refused(command_line, ["run", "quickstart", *ONE_STUDY, *arguments], message)


def test_a_folder_without_mnist_is_refused_with_what_to_put_where(command_line: CommandLine) -> None:
    # An address on this machine where nobody listens stands in for a machine without a network.
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        command_line.environment[name] = "http://127.0.0.1:9"
    (command_line.folder / "empty").mkdir()
    arguments = ["run", "mnist-beta-schedules", "--data", "empty"]
    assert_refused(command_line, arguments, "put the unpacked files train-images-idx3-ubyte, ")


def test_a_truncated_mnist_file_is_refused_by_name(command_line: CommandLine) -> None:
    raw = write_idx(command_line.folder / "data")
    os.truncate(raw / "train-images-idx3-ubyte", 1_000)
    arguments = ["run", "mnist-beta-schedules", "--data", "data"]
    assert_refused(command_line, arguments, "train-images-idx3-ubyte: 1,000 bytes instead of 47,040,016")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resume", "nothing"], 'no sweep is called "nothing" here'),
        (["report", "nothing"], "adamant-runs/mlflow.db"),
        (["report", "nothing", "--out", __file__], "is a file; name a folder"),
        (["replay", "nothing"], "adamant-runs/mlflow.db: no runs here yet"),
        (["trajectories", "--out", __file__], "is a file; name a folder"),
        (["ui"], "no runs here yet; start with `adamant run quickstart`"),
        (["run", "quickstrat"], 'Did you mean "quickstart"?'),
        (["run", "missing.yaml"], "there is no such sweep file"),
    ],
)
def test_names_that_do_not_exist_are_refused(command_line: CommandLine, arguments: list[str], message: str) -> None:
    assert_refused(command_line, arguments, message)


def test_everything_wrong_in_a_file_is_told_at_once_also_by_validate(command_line: CommandLine) -> None:
    (command_line.folder / "first.yaml").write_text(
        "name: mlflow.db\nworkload: {name: mlp/digits, epoch: 5}\nmetric: {name: val/accuracy, goal: minimize}\n"
        "baseline: adm\narms: {adam: {optimizer: adam, parameters: {lr: 1e-3}}}\nsearch: {method: bayes}\n"
    )
    for command in ("validate", "plan", "run"):
        ended = command_line(command, "first.yaml")
        assert ended.returncode == 2
        places = [line.split(": ")[1:3] for line in ended.stderr.splitlines()]
        assert places == [
            ["first.yaml:1", "name"],
            ["first.yaml:2", "workload.epoch"],
            ["first.yaml:3", "metric.goal"],
            ["first.yaml:4", "baseline"],
            ["first.yaml:5", "arms.adam.parameters.lr"],
            ["first.yaml:6", "search.method"],
        ]
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("price", ["nan", "inf", "-1"])
def test_a_price_that_is_none_is_refused(command_line: CommandLine, price: str) -> None:
    assert_refused(
        command_line, ["plan", "quickstart", f"--price={price}"], f"--price {float(price)}: must be a finite"
    )


@pytest.mark.parametrize("port", [0, 99999])
def test_a_port_that_there_is_not_is_refused(port: int) -> None:
    with pytest.raises(InputError, match=f"port {port}; ports are 1 to 65535"):
        serve([Server("MLflow", port, [], {})], Console())


def test_a_file_that_cannot_be_replaced_is_refused() -> None:
    with tempfile.TemporaryDirectory() as closed:
        verdict = Path(closed) / "verdict.json"
        verdict.touch()
        verdict.chmod(0o666)
        Path(closed).chmod(0o555)
        with without_privileges(), pytest.raises(InputError, match=f"{closed} cannot be written"):
            check_output_file("--json", verdict)
    check_output_file("--json", Path("/dev/null"))


def test_a_verdict_is_written_where_a_link_leads(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to("verdict.json")
    write_json(link, {"schema_version": 1})
    assert link.is_symlink()
    assert json.loads((tmp_path / "verdict.json").read_text()) == {"schema_version": 1}


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with without_privileges():
        with pytest.raises(InputError, match="--json /etc/passwd: this file cannot be written"):
            check_output_file("--json", Path("/etc/passwd"))
        with pytest.raises(InputError, match="--out /etc/report: /etc cannot be written"):
            check_output_folder("--out", Path("/etc/report"))
    check_output_file("--json", tmp_path / "verdict.json")
    check_output_folder("--out", tmp_path / "to be" / "made")
    assert not list(tmp_path.iterdir())


def test_what_a_database_says_is_told_without_its_password() -> None:
    said = 'invalid dsn: "postgresql://u:hidden@h/x"'
    for error in (OSError(said), OperationalError("select 1", {}, ProgrammingError(said)), MlflowException(said)):
        assert told(error) == 'invalid dsn: "postgresql://u:***@h/x"'


def test_a_verdict_may_have_a_name_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    path = tmp_path / f"{'v' * 250}.json"
    check_output_file("--json", path)
    write_json(path, {"schema_version": 1})
    assert json.loads(path.read_text()) == {"schema_version": 1}
    with pytest.raises(InputError, match="this name is too long"):
        check_output_file("--json", tmp_path / f"{'v' * 251}.json")


@pytest.mark.parametrize("address", ["host:²", "ray://host:١²"])
def test_a_port_that_is_no_number_is_left_to_ray(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(("contents", "told"), [(None, "is missing"), ("", "is empty")])
def test_a_token_of_rays_that_is_not_there_is_told_before_anything_is_written(
    contents: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    if contents is not None:
        token.write_text(contents)
    with pytest.raises(InputError, match=rf"RAY_AUTH_TOKEN_PATH: .*token {told}"):
        check_ray("127.0.0.1:6379")
    token.write_text("0" * 64)
    check_ray("127.0.0.1:6379")


def test_validate_warns_of_data_that_is_not_here_and_of_too_few_seeds(command_line: CommandLine) -> None:
    sweep = (
        "name: lab\nworkload: {name: mlp/table, options: {file: houses.csv, target: price}}\nmetric: {name: val/loss}\n"
        "baseline: adam\narms: {adam: {optimizer: adam}, sgd: {optimizer: sgd}}\nconfirm: {seeds: [1, 2]}\n"
    )
    (command_line.folder / "lab.yaml").write_text(sweep)
    ended = command_line("validate", "lab.yaml")
    assert ended.returncode == 0
    few, missing = ended.stderr.splitlines()
    assert few == "warning: 2 seeds (confirm.seeds) give no verdict; at least 3 do"
    assert missing.startswith("warning: ")
    assert "houses.csv" in missing
    (command_line.folder / "houses.csv").write_text("rooms,cost\n1,2\n")
    (command_line.folder / "lab.yaml").write_text(sweep.replace("[1, 2]", "[1, 2, 3]"))
    (column,) = command_line("validate", "lab.yaml").stderr.splitlines()
    assert "price" in column
