"""Faults of processes: killed, halted, asked to end, and short of what they need."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial

import psutil

from cluster.console.command_line import BAD_INPUT
from cluster.faults.disturbed_sweep import SERVERS, DisturbedSweep
from cluster.faults.fault import Fault, Moment, NotNowError, UnexpectedError

Find = Callable[[DisturbedSweep], list[psutil.Process]]
SHORT_S, LONG_S = 1.0, 12.0


def process_faults() -> Iterator[Fault]:
    """Yield the faults of processes."""
    found: dict[str, Find] = {
        "driver": _driver,
        "one trial": DisturbedSweep.trials,
        **{name: partial(_server, name) for name in SERVERS},
    }
    for name, find in found.items():
        yield Fault(f"kill {name}", partial(_kill, find))
        yield Fault(f"halt {name}", partial(_halt, find))
    yield Fault("halt trial for good", _halt_for_good)
    yield Fault("kill all trials", _kill_all_trials)
    yield Fault("kill driver and server", _kill_two)
    yield Fault("kill driver in report", partial(_kill, _driver), Moment.REPORT)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        yield Fault(f"{number.name} to driver", partial(_signal, number, 1))
    yield Fault("SIGINT twice", partial(_signal, signal.SIGINT, 2))
    yield Fault("output closed", _close_output, Moment.BETWEEN)
    yield Fault("second driver", _second_driver)
    yield Fault("no room in files of driver", partial(_limit, _driver, psutil.RLIMIT_FSIZE))
    yield Fault("no room in files of trial", partial(_limit, DisturbedSweep.trials, psutil.RLIMIT_FSIZE))
    no_memory = partial(_limit, DisturbedSweep.trials, psutil.RLIMIT_AS)
    yield Fault("no memory for trial", no_memory, may_fail=True)  # torch reports it as an error like any other
    yield Fault("no descriptors for trial", partial(_limit, DisturbedSweep.trials, psutil.RLIMIT_NOFILE))


def _driver(sweep: DisturbedSweep) -> list[psutil.Process]:
    return [psutil.Process(sweep.driver.pid)] if sweep.driver is not None and sweep.is_running else []


def _server(name: str, sweep: DisturbedSweep) -> list[psutil.Process]:
    return sweep.servers(name)


def _one(find: Find, sweep: DisturbedSweep, chance: random.Random) -> psutil.Process:
    found = sorted(find(sweep), key=lambda process: process.pid)
    if not found:
        raise NotNowError
    return chance.choice(found)


def _kill(find: Find, sweep: DisturbedSweep, chance: random.Random) -> str:
    process = _one(find, sweep, chance)
    process.kill()
    return f"SIGKILL to {process.pid}"


def _kill_all_trials(sweep: DisturbedSweep, chance: random.Random) -> str:
    trials = sweep.trials()
    if not trials:
        raise NotNowError
    for process in trials:
        process.kill()
    return f"SIGKILL to {len(trials)} processes"


def _kill_two(sweep: DisturbedSweep, chance: random.Random) -> str:
    server = _one(partial(_server, chance.choice(SERVERS)), sweep, chance)
    server.kill()
    _kill(_driver, sweep, chance)
    return f"SIGKILL to the driver and to {server.pid}"


def _halt(find: Find, sweep: DisturbedSweep, chance: random.Random) -> str:
    process, seconds = _one(find, sweep, chance), chance.uniform(SHORT_S, LONG_S)
    process.suspend()
    time.sleep(seconds)
    if process.is_running():
        process.resume()
    return f"SIGSTOP to {process.pid} for {seconds:.1f} s"


def _halt_for_good(sweep: DisturbedSweep, chance: random.Random) -> str:
    process = _one(DisturbedSweep.trials, sweep, chance)
    process.suspend()
    return f"SIGSTOP to {process.pid}"


def _signal(number: signal.Signals, times: int, sweep: DisturbedSweep, chance: random.Random) -> str:
    if not sweep.is_running:
        raise NotNowError
    for _ in range(times):
        sweep.signal(number)
        time.sleep(chance.uniform(0.0, 0.5))
    return f"{number.name} {times} times"


def _close_output(sweep: DisturbedSweep, chance: random.Random) -> str:
    """Start the next driver with an output that nobody reads."""
    reading, writing = os.pipe()
    sweep.start(output=writing)
    os.close(writing)
    os.close(reading)
    return "its standard output is a closed pipe"


def _second_driver(sweep: DisturbedSweep, chance: random.Random) -> str:
    if not sweep.folder.exists:
        raise NotNowError
    second = sweep.second_driver()
    if sweep.is_running and second.returncode != BAD_INPUT:
        raise UnexpectedError(f"a second driver ended with {second.returncode}: {second.stderr[-300:]}")
    return f"a second driver ended with {second.returncode}"


def _limit(find: Find, kind: int, sweep: DisturbedSweep, chance: random.Random) -> str:
    """Lower a limit of a process to what it has, or nearly, for as long as it lives."""
    process = _one(find, sweep, chance)
    used = {
        psutil.RLIMIT_FSIZE: chance.choice([0, 1000, 100_000]),
        psutil.RLIMIT_AS: process.memory_info().vms,
        psutil.RLIMIT_NOFILE: process.num_fds(),
    }[kind]
    _, most = process.rlimit(kind)
    process.rlimit(kind, (used, most))
    return f"a limit of {used:,} for {process.pid}"
