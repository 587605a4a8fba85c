"""What is installed is what the project files say: names, versions, dependencies, data files and install lines."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import json
import re
import subprocess
import sys
import textwrap
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cluster import distribution
from cluster.ray.session import ROOMS
from tests.conftest import REPOSITORY, FrontDoor

ADAMANT, OPTIMIZERS = "adamant-sweeps", "adamant-optimizers"
FOLDERS = {ADAMANT: REPOSITORY, OPTIMIZERS: REPOSITORY / "optimizers"}
# Modules that are required through another distribution than their own, or that may be missing here.
BROUGHT_BY = {"triton": "torch", "IPython": "ipykernel", "timm": "timm"}
# What other libraries import, or commands start.
PLUGINS = {
    "boto3": "Ray's and MLflow's client of AWS",
    "google-api-python-client": "Ray's client of GCP",
    "google-cloud-storage": "MLflow's client of GCP",
    "cmaes": "Optuna's CMA-ES",
    "psycopg2-binary": "SQLAlchemy's driver of PostgreSQL",
    "jupytext": "keeps the pairs of notebooks",
    "nbclient": "runs them",
    "supervisor": "a program of its own",
}


def project_of(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDERS[name] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def required_by(name: str, *extras: str) -> set[str]:
    """The canonical names of what a distribution requires, with these extras."""
    project = project_of(name)
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def tracked(*folders: str) -> list[str]:
    """Files that git tracks, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(path for path in set(listed) if (REPOSITORY / path).is_file())


def imported_by(path: Path) -> set[str]:
    """Top-level modules of other projects that a file imports, wherever in it, but for what only type checkers read."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    found: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        waiting += ast.iter_child_nodes(node)
    return found - {*sys.stdlib_module_names, *ROOMS, "adamant"}


@functools.cache
def installed_modules() -> Mapping[str, list[str]]:
    """Which distributions bring each top-level module."""
    return importlib.metadata.packages_distributions()


def distributions_of(module: str) -> set[str]:
    of = [BROUGHT_BY[module]] if module in BROUGHT_BY else installed_modules()[module]
    return {canonicalize_name(name) for name in of}


def not_required(path: Path, required: set[str]) -> set[str]:
    return {module for module in imported_by(path) if not distributions_of(module) & required}


def room(name: str) -> Iterator[Path]:
    """The modules of a room, without those that `adamant new` copies."""
    return (path for path in (REPOSITORY / name).rglob("*.py") if path.parent.name != "new_project")


def extras_of(path: Path) -> tuple[str, ...]:
    """The extras whose users import a module."""
    if path.is_relative_to(REPOSITORY / "analysis" / "notebooks"):
        return ("notebooks",)
    return {
        "_torchvision_models.py": ("timm",),
        "tokens.py": ("text",),
        "optimizer_suite.py": ("testing",),
        "workload_suite.py": ("testing",),
        "library_baselines.py": ("baselines",),
        "studies_dashboard.py": ("services",),
    }.get(path.name, ())


def test_the_version_is_told(front_door: FrontDoor) -> None:
    told = front_door("--version")
    assert told.returncode == 0, told.stderr
    assert told.stdout == f"adamant {project_of(ADAMANT)['version']}\n"


def test_a_checkout_of_another_project_is_not_read_for_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\nversion = "9"\n')
    monkeypatch.setattr(distribution, "SOURCE_ROOT", tmp_path)
    monkeypatch.setattr(importlib.metadata, "version", {ADAMANT: "0.7"}.__getitem__)
    assert distribution.version() == "0.7"


def test_both_distributions_state_the_same() -> None:
    whole, optimizers = project_of(ADAMANT), project_of(OPTIMIZERS)
    assert (whole["name"], optimizers["name"]) == (distribution.NAME, OPTIMIZERS) == (ADAMANT, OPTIMIZERS)
    for key in ("version", "license", "authors", "requires-python"):
        assert whole[key] == optimizers[key], key
    assert {*optimizers["dependencies"], *optimizers["optional-dependencies"]["baselines"]} <= {*whole["dependencies"]}
    assert (REPOSITORY / "LICENSE").read_bytes() == (REPOSITORY / "optimizers" / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_what_is_required(name: str) -> None:
    for path in room(name):
        extras = [extra for extra in extras_of(path) if extra != "baselines"]  # which the whole distribution requires
        assert not not_required(path, required_by(ADAMANT, *extras)), path


def test_the_optimizers_import_torch_and_for_the_baselines_its_library() -> None:
    for path in room("optimizers"):
        # NumPy is imported where an optimizer keeps its arrays, so it is there.
        assert not not_required(path, required_by(OPTIMIZERS, *extras_of(path))) - {"numpy"}, path


def test_nothing_is_required_that_nothing_imports() -> None:
    files = [REPOSITORY / "adamant.py", *(path for name in ROOMS for path in room(name))]
    used = {name for path in files for module in imported_by(path) for name in distributions_of(module)}
    required = required_by(ADAMANT, "cluster", "services", "notebooks", "timm")
    assert required - used == PLUGINS.keys()


def test_every_extra_is_part_of_all() -> None:
    extras = project_of(ADAMANT)["optional-dependencies"]
    [everything] = map(Requirement, extras["all"])
    assert (everything.name, everything.extras) == (ADAMANT, extras.keys() - {"all"})


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both distributions, built as pip builds them."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), *map(str, FOLDERS.values())], check=True)
    return {name: next(folder.glob(f"{name.replace('-', '_')}-*.whl")) for name in FOLDERS}


def put_in(site: Path, wheel: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*command, str(wheel)], check=True)


def run_in(site: Path, program: str, *flags: str, arguments: Sequence[str] = ()) -> str:
    """Run a program of which every import comes from this folder first, in another folder."""
    program = f"import sys; sys.path.insert(0, {str(site)!r})\n{textwrap.dedent(program)}"
    ended = subprocess.run(
        [sys.executable, "-P", *flags, "-c", program, *arguments],
        cwd=site.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def torch_alone(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site-packages with the distribution of the optimizers, torch and what torch requires."""
    site = tmp_path_factory.mktemp("alone") / "site"
    put_in(site, wheels[OPTIMIZERS])
    waiting, copied = ["torch"], set[str]()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in copied:
            continue
        copied.add(name)
        of = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in of.files or ()} - {"..", "__pycache__"}:
            with suppress(FileExistsError):  # a folder that distributions share, as NVIDIA's do
                (site / top).symlink_to(str(of.locate_file(top)))
        wanted = map(Requirement, of.requires or ())
        waiting += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return site


def test_every_optimizer_of_this_project_and_of_torch_steps_with_torch_alone(torch_alone: Path, tmp_path: Path) -> None:
    """MomentAdam by its kernel, which is built from the source in the distribution."""
    program = """
        import json, os
        import optimizers, torch
        from importlib.util import find_spec
        os.environ["ADAMANT_CACHE"] = sys.argv[1]
        for absent in ("ray", "optuna", "mlflow", "pydantic", "pytorch_optimizer", "numpy"):
            assert find_spec(absent) is None, absent
        stepped, refused = [], {}
        for name in optimizers.names():
            weights = torch.nn.Parameter(torch.ones(8, 8))
            # Of the fourth order, as torch has a kernel for the second.
            options = {"order": 4.0} if name == "moment_adam" else {}
            try:
                optimizer = optimizers.build("lookahead(adam)" if name == "lookahead" else name, [weights], **options)
            except optimizers.InputError as error:
                refused[name] = str(error)
                continue
            weights.square().sum().backward()
            optimizer.step()
            assert weights.isfinite().all()
            stepped.append(name)
        print(json.dumps([stepped, refused]))
    """
    # -S: without the site-packages of this environment.
    stepped, refused = json.loads(run_in(torch_alone, program, "-S", "-E", arguments=[str(tmp_path)]).splitlines()[-1])
    assert list(tmp_path.glob("kernels/*.so"))
    assert {"moment_adam", "adam", "muon", "yellowfin", "nadamp", "origin_adam", "lookahead"} <= set(stepped)
    assert {"adabelief", "lion", "soap"} <= refused.keys()
    for sentence in refused.values():
        assert "pip install 'pytorch-optimizer" in sentence


def files_in(wheel: Path) -> list[str]:
    return sorted(name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name)


def test_a_wheel_holds_every_file_of_the_rooms_and_no_other(wheels: dict[str, Path]) -> None:
    packaging_files = {"optimizers/pyproject.toml", "optimizers/LICENSE"}
    assert files_in(wheels[ADAMANT]) == [path for path in tracked(*ROOMS, "adamant.py") if path not in packaging_files]
    assert files_in(wheels[OPTIMIZERS]) == [path for path in tracked("optimizers") if path not in packaging_files]
    assert {f"{name}/py.typed" for name in ROOMS} <= set(files_in(wheels[ADAMANT]))


def test_an_installed_copy_works_from_any_folder(wheels: dict[str, Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    put_in(site, wheels[ADAMANT])

    def adamant(*arguments: str) -> str:
        return run_in(site, f"sys.argv[1:] = {arguments!r}; import adamant; adamant.app()")

    template = str(site / "cluster" / "launch" / "slurm.yaml")
    assert adamant("--version") == f"adamant {project_of(ADAMANT)['version']}\n"
    assert "quickstart: valid" in adamant("validate", "quickstart")
    adamant("cluster", "render", template, "--out", str(tmp_path / "rendered"))
    assert (tmp_path / "rendered" / "sweeps.sbatch").is_file()
    hint = "from cluster.distribution import install_command; print(install_command('services'))"
    assert run_in(site, hint) == f"pip install '{ADAMANT}[services] @ {wheels[ADAMANT].as_uri()}'\n"


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (None, ""),
        ({"url": "file:///src/adamant", "dir_info": {}}, " @ file:///src/adamant"),
        (
            {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "v1"}},
            " @ git+https://host/x.git@v1",
        ),
        (
            {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "a"},
            " @ git+https://host/x.git@abc#subdirectory=a",
        ),
    ],
    ids=["index", "folder", "revision", "commit"],
)
def test_an_extra_is_installed_from_where_the_distribution_came_from(
    record: dict[str, Any] | None, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "adamant_sweeps-0.7.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {ADAMANT}\nVersion: 0.7\n")
    if record is not None:
        (installed / "direct_url.json").write_text(json.dumps(record))
        (installed / "RECORD").write_text(f"{installed.name}/direct_url.json,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(distribution, "SOURCE_ROOT", tmp_path)
    assert distribution.install_command("services") == f"pip install '{ADAMANT}[services]{source}'"


def test_an_extra_of_a_checkout_is_installed_from_it() -> None:
    command = distribution.install_command("services")
    assert command == f"pip install --editable '{REPOSITORY}[services]'"


def test_no_line_installs_the_distribution_of_another_project() -> None:
    """`adamant` on an index is not this project; `./adamant`, `~/adamant` and `$HOME/adamant` are folders."""
    strangers = re.compile(r"(?<![\w/.$~-])adamant(\[[\w,]+\]|==|>=)|\bpip install (?:-\S+ )*[\"']?adamant(?![\w-])")
    assert strangers.search("pip install -q adamant[services]")
    assert strangers.search("pip install adamant")
    shown = [
        path for path in tracked() if path.endswith((".md", ".py", ".yaml", ".toml", ".service", ".sh", ".sbatch"))
    ]
    for path in shown:
        if path != "tests/test_distribution.py":
            found = strangers.search((REPOSITORY / path).read_text(encoding="utf-8"))
            assert found is None, f"{path}: {found}"


def test_extras_in_documents_are_there() -> None:
    """As in ".[notebooks]" and "./optimizers[baselines]"."""
    named = re.compile(r"(\.|\./optimizers|adamant-sweeps|adamant-optimizers)\[([a-z,]+)\]")
    found: list[tuple[str, str]] = []
    for path in tracked("README.md", "CONTRIBUTING.md", "cluster/launch"):
        found += named.findall((REPOSITORY / path).read_text(encoding="utf-8"))
    assert found
    for target, extras in found:
        project = project_of(OPTIMIZERS if "optimizers" in target else ADAMANT)
        assert {*extras.split(",")} <= project["optional-dependencies"].keys(), (target, extras)


def test_what_is_installed_here_is_held_against_digests() -> None:
    """`make constraints` writes both files; the Makefile installs from the second one with --require-hashes."""
    locked: dict[str, int] = {}
    for entry in re.sub(r"\\\n", " ", (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")).splitlines():
        pinned, *digests = entry.split()
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in digests)
        locked[pinned.lower()] = len(digests)
    constraints = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(locked) == sorted(re.sub("_", "-", line).lower() for line in constraints)
    assert all(locked.values())
