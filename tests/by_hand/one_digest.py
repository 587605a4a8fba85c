"""One digest, however a sweep is run: a table of samplers and schedulers against ways to run them.

``python -m tests.by_hand.one_digest [SAMPLER/SCHEDULER | WAY ...]``, from the repository; all of them take about an
hour on two cores. Each cell is a whole sweep through the front door, on Ray clusters that this starts: one node with
1, 2 and 4 places, the last with processes that are halted for a random time now and then; three nodes of which one is
slow; and with the driver killed five times and resumed. Prints a line for each cell, and ends with 1 where two
digests differ.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from cluster.ports import free_port
from tests.by_hand.own_code_on_nodes import SCRIPTS
from tests.conftest import REPOSITORY, new_environment

SAMPLERS = ("tpe", "random", "cmaes", "gp", "qmc", "nsgaii")
SCHEDULERS = ("asha", "hyperband", "median", "none")
CELLS = [*(f"{sampler}/{scheduler}" for sampler in SAMPLERS for scheduler in SCHEDULERS), "tpe/pbt"]
# Places of the nodes of a cluster, and whether its processes are halted now and then.
WAYS = {
    "1 place": ([1], 0.0),
    "2 places": ([2], 0.0),
    "4, halted": ([4], 0.4),
    "3 nodes, one slow": ([1, 1, 2], 0.2),
    "2 places, killed 5 times": ([2], 0.0),
}
KILLS = 5
SWEEP = """\
name: {name}
question: Is it the same?
workload: {{name: mlp/digits, epochs: 9, batch_size: 32}}
metric: {{name: val/loss, target: 0.15}}
baseline: adam
arms:
  adam:      {{optimizer: adam, space: [lr, adam]}}
  scheduled: {{optimizer: moment_adam, space: {space}}}
search:    {{method: {method}, trials: {trials}, seed: 3}}
scheduler: {scheduler}
confirm:   {{top_k: 1, seeds: [1, 2]}}
resources: {{cpu: 1, gpu: 0}}
"""


def sweep_of(cell: str, name: str) -> str:
    method, _, kind = cell.partition("/")
    scheduler = {"none": "{type: none}", "median": "{type: median, grace: 2}", "pbt": "{type: pbt, grace: 3, eta: 3}"}
    trials, space = (4, "[lr, adam]") if kind == "pbt" else (12, "[lr, beta_schedules]")
    rule = scheduler.get(kind, f"{{type: {kind}, grace: 1, eta: 3}}")
    return SWEEP.format(name=name, method=method, trials=trials, space=space, scheduler=rule)


@contextmanager
def cluster(places: list[int], work: Path, environment: dict[str, str]) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """Its address, and the processes of its nodes, which end with this."""
    port = free_port()
    nodes = []
    for number, count in enumerate(places):
        where = f"--address=127.0.0.1:{port}" if number else f"--head --port={port} --include-dashboard=false"
        where += "" if number else f" --temp-dir={work}/ray"
        command = f"exec {SCRIPTS}/ray start {where} --num-cpus={count} --block --disable-usage-stats"
        log = (work / f"node{number}.log").open("wb")
        nodes.append(subprocess.Popen(["bash", "-c", command], env=environment, stdout=log, stderr=log))
        time.sleep(6)
    try:
        yield f"127.0.0.1:{port}", nodes
    finally:
        for node in reversed(nodes):
            node.terminate()
            node.wait(timeout=60)


@contextmanager
def halting(nodes: list[subprocess.Popen], share: float, chance: random.Random) -> Iterator[None]:
    """Halt the training processes of the nodes for random times, those of the last node most of the time."""
    over = threading.Event()

    def halt() -> None:
        while not over.wait(chance.uniform(0.05, 0.5)):
            for node in nodes:
                slow = len(nodes) > 1 and node is nodes[-1]
                trials = [one for one in psutil.Process(node.pid).children(recursive=True) if _trains(one)]
                for trial in trials:
                    if chance.random() < (0.8 if slow else share):
                        _halted(trial, chance.uniform(0.1, 1.0), over)

    thread = threading.Thread(target=halt)
    if share:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if share:
            thread.join()


def _trains(process: psutil.Process) -> bool:
    try:
        return "Trial" in process.cmdline()[0]
    except (psutil.Error, IndexError):
        return False


def _halted(process: psutil.Process, seconds: float, over: threading.Event) -> None:
    try:
        process.suspend()
        over.wait(seconds)
        process.resume()
    except psutil.Error:
        pass


def run(cell: str, address: str, folder: Path, environment: dict[str, str], kills: random.Random | None) -> str:
    """The digest of a whole sweep, whose driver is killed and resumed where ``kills`` are drawn."""
    name = re.sub(r"\W", "-", cell)
    (folder / "sweep.yaml").write_text(sweep_of(cell, name), encoding="utf-8")
    front = [sys.executable, str(REPOSITORY / "adamant.py")]
    command = [*front, "run", "sweep.yaml", "--address", address]
    for _ in range(KILLS if kills else 0):
        driver = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        try:
            driver.wait(timeout=kills.uniform(6, 14) if kills else None)
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
        if (folder / "adamant-runs" / name).is_dir():
            command = [*front, "resume", name, "--address", address]
    ended = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    found = re.search(r"^Digest ([0-9a-f]+)", ended.stdout, re.MULTILINE)
    return found[1] if found else f"none ({(ended.stdout + ended.stderr)[-300:]})"


def main(cells: list[str], ways: list[str]) -> int:
    work = Path(tempfile.mkdtemp(prefix="one-digest-"))
    environment = {**new_environment(work), "RAY_AUTH_MODE": "token", "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
    found: dict[str, dict[str, str]] = {cell: {} for cell in cells}
    for way in ways:
        places, share = WAYS[way]
        chance = random.Random(way)
        with cluster(places, work, environment) as (address, nodes), halting(nodes, share, chance):
            for cell in cells:
                folder = Path(tempfile.mkdtemp(dir=work))
                began = time.monotonic()
                kills = chance if "killed" in way else None
                found[cell][way] = run(cell, address, folder, environment, kills)
                print(f"{way:26} {cell:18} {found[cell][way]}  {time.monotonic() - began:4.0f} s", flush=True)
    differing = [cell for cell, digests in found.items() if len({*digests.values()}) > 1]
    print(f"{len(cells)} cells, {len(ways)} ways; cells with more than one digest: {differing}")
    return len(differing)


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    asked = sys.argv[1:]
    sys.exit(main([one for one in asked if one not in WAYS] or CELLS, [one for one in asked if one in WAYS] or [*WAYS]))
