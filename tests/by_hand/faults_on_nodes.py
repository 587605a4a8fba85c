"""Faults on a cluster of three nodes with PostgreSQL and an MLflow server: those of `adamant faults`, and of these.

``python -m tests.by_hand.faults_on_nodes [ROUNDS [SEED]]``, from the repository; a round takes some half a minute on
two cores. Drivers, trials, nodes, the whole cluster, PostgreSQL, MLflow and the supervisor of both are killed, halted
and signalled at random moments. Prints what became of each fault, and ends with 1 unless every sweep is as one that
nobody has disturbed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from cluster.audit.audit_findings import Kind
from cluster.faults.campaign import Campaign, Ended
from cluster.faults.disturbed_sweep import DisturbedSweep
from cluster.faults.fault import Fault, NotNowError
from cluster.faults.process_faults import process_faults
from cluster.polling import holds_within
from cluster.ports import free_port
from cluster.services.head_services import Services
from tests.by_hand.own_code_on_nodes import SCRIPTS
from tests.conftest import REPOSITORY, new_environment

NODES = 3
# Of the faults of `adamant faults`, those whose processes a sweep on a cluster has too.
COMMON = (
    "kill driver", "halt driver", "kill one trial", "halt one trial", "kill all trials", "kill driver in report",
    "SIGTERM to driver", "SIGINT to driver", "SIGHUP to driver", "SIGINT twice", "output closed", "second driver",
    "halt trial for good",
)  # fmt: skip


class Nodes:
    """A Ray cluster of this machine; every node a process that can be killed with all that it has started."""

    def __init__(self, work: Path) -> None:
        self._work, self._port = work, free_port()
        self.started: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        for number in range(NODES):
            self.started.append(self._node(number))
            time.sleep(6)

    def _node(self, number: int) -> subprocess.Popen[bytes]:
        head = f"--head --port={self._port} --include-dashboard=false --temp-dir={self._work}/ray"
        where = f"--address={self.address}" if number else head
        command = f"exec {SCRIPTS}/ray start {where} --num-cpus=1 --block --disable-usage-stats"
        with (self._work / f"node{number}.log").open("ab") as log:
            return subprocess.Popen(["bash", "-c", command], stdout=log, stderr=log, start_new_session=True)

    def kill(self, number: int) -> None:
        node = self.started[number]
        with suppress(psutil.NoSuchProcess):
            for process in [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        node.wait()

    def restart(self, number: int) -> None:
        self.started[number] = self._node(number)

    def end(self) -> None:
        for number in reversed(range(len(self.started))):
            self.kill(number)
        self.started.clear()

    def trials(self) -> Iterator[psutil.Process]:
        for node in self.started:
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(node.pid).children(recursive=True):
                    with suppress(psutil.Error, IndexError):
                        if process.cmdline()[0].startswith("ray::Trial"):
                            yield process


class SweepOnNodes(DisturbedSweep):
    """A sweep on these nodes, whose studies and runs are with the services."""

    def __init__(self, nodes: Nodes, services: Services, work: Path, cache: Path, uri: str) -> None:
        self._nodes = nodes
        self._studies = create_engine(services.postgres.url("optuna"))
        with self._studies.begin() as connection:  # the sweep before had the same name
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        super().__init__(work, cache, uri, ["--address", nodes.address], services.client_environment())

    @property
    def recorded(self) -> int:
        tables = ("trial_intermediate_values", "trial_values", "trial_params", "trial_user_attributes")
        try:
            with self._studies.connect() as connection:
                return sum(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables)
        except SQLAlchemyError:
            return 0

    def trials(self) -> list[psutil.Process]:
        return [*self._nodes.trials()]


def own_faults(nodes: Nodes, services: Services) -> Iterator[Fault]:
    """Yield the faults of nodes and of services."""
    yield Fault("kill a node", partial(_kill_node, nodes))
    yield Fault("kill the cluster", partial(_kill_cluster, nodes))
    for name in ("postgres", "mlflow"):
        yield Fault(f"kill {name}", partial(_kill_service, services, name))
        yield Fault(f"halt {name}", partial(_halt_service, services, name))
    yield Fault("kill all services", partial(_kill_services, services))


def _kill_node(nodes: Nodes, sweep: DisturbedSweep, chance: random.Random) -> str:
    number, seconds = chance.randrange(1, NODES), chance.uniform(1, 15)
    nodes.kill(number)
    time.sleep(seconds)
    nodes.restart(number)
    return f"node {number}, back after {seconds:.1f} s"


def _kill_cluster(nodes: Nodes, sweep: DisturbedSweep, chance: random.Random) -> str:
    nodes.end()
    time.sleep(chance.uniform(0, 5))
    nodes.start()
    return "all nodes, and started anew"


def _processes(services: Services, name: str) -> list[psutil.Process]:
    """The processes of a service, the one that has started the others first."""
    supervisor = services.supervisor()
    if supervisor is None:
        raise NotNowError
    found = []
    for child in psutil.Process(supervisor).children():
        with suppress(psutil.Error):
            if name in " ".join(child.cmdline()):
                found += [child, *child.children(recursive=True)]
    if not found:
        raise NotNowError
    return found


def _kill_service(services: Services, name: str, sweep: DisturbedSweep, chance: random.Random) -> str:
    process = _processes(services, name)[0]
    process.kill()
    return f"SIGKILL to {process.pid}"


def _halt_service(services: Services, name: str, sweep: DisturbedSweep, chance: random.Random) -> str:
    processes, seconds = _processes(services, name), chance.uniform(1, 12)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(seconds)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return f"SIGSTOP to {len(processes)} processes for {seconds:.1f} s"


def _kill_services(services: Services, sweep: DisturbedSweep, chance: random.Random) -> str:
    supervisor = services.supervisor()
    if supervisor is None:
        raise NotNowError
    root = psutil.Process(supervisor)
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    time.sleep(chance.uniform(0, 10))
    _up(services.folder, services)
    return "the supervisor and all below it, and started again"


def _up(folder: Path, known: Services | None = None) -> Services:
    numbers = [free_port() for _ in range(3)]
    if known:
        numbers = [known.settings.port, known.settings.database_port, known.settings.studies_port]
    options = zip(("--port", "--database-port", "--studies-port"), map(str, numbers), strict=True)
    command = [sys.executable, "-m", "cluster.services_commands", "up", "--folder", str(folder)]
    subprocess.run([*command, *(part for option in options for part in option)], cwd=REPOSITORY, check=True)
    services = Services.open(folder)
    holds_within(60, services.answer)
    return services


@contextmanager
def everything(work: Path) -> Iterator[tuple[Nodes, Services]]:
    nodes = Nodes(work)
    services = _up(work / "services")
    try:
        nodes.start()
        yield nodes, services
    finally:
        nodes.end()
        command = [sys.executable, "-m", "cluster.services_commands", "down", "--folder", str(services.folder)]
        subprocess.run(command, cwd=REPOSITORY, check=False)


def main(rounds: int, seed: int) -> int:
    work = Path(tempfile.mkdtemp(prefix="faults-"))
    work.chmod(0o711)  # PostgreSQL's own user passes through it
    os.environ.update({**new_environment(work), "RAY_AUTH_MODE": "token"})
    ended: list[Ended] = []
    with everything(work) as (nodes, services):
        faults = [*(fault for fault in process_faults() if fault.name in COMMON), *own_faults(nodes, services)]
        make = partial(SweepOnNodes, nodes, services)
        uris = [services.tracking_uri]
        campaign = Campaign(work, faults, random.Random(seed), partial(print, flush=True), uris, make)
        for one in campaign.run(rounds):
            ended.append(one)
    times = Counter(done.fault.name for one in ended for done in one.done)
    lost, twice = (sum(one.count(kind) for one in ended) for kind in (Kind.LOST, Kind.TWICE))
    for name, count in sorted(times.items()):
        seconds = [done.seconds for one in ended for done in one.done if done.fault.name == name]
        print(f"| {name} | {count} | {sorted(seconds)[len(seconds) // 2]:.1f} | {max(seconds):.1f} |")
    good = sum(one.is_good for one in ended)
    print(
        f"Seed {seed}: {times.total()} faults, {len(ended)} sweeps, {good} the same; lost {lost}, twice {twice}; {work}"
    )
    return int(good < len(ended))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(int((sys.argv[1:] or ["50"])[0]), int((sys.argv[2:] or ["0"])[0])))
