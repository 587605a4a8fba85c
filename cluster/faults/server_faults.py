"""Faults of the tracking server: away, slow, answering badly for a time; and what users do there to a sweep's runs."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from cluster.faults.disturbed_server import Answers, DisturbedServer
from cluster.faults.disturbed_sweep import NAME, DisturbedSweep
from cluster.faults.fault import Fault, NotNowError
from trainables.mlflow_contract import EXPERIMENT_PREFIX, Tag, tagged

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHORT_S, LONG_S = 2.0, 15.0


def server_faults(server: DisturbedServer) -> Iterator[Fault]:
    """Yield the faults of a server."""
    for answers in Answers:
        if answers != Answers.WELL:
            yield Fault(f"server answers: {answers}", partial(_answer, server, answers), needs_server=True)
    yield Fault("kill server", partial(_kill, server), needs_server=True)
    yield Fault("run deleted", partial(_delete_run, server), needs_server=True)
    yield Fault("experiment deleted", partial(_delete_experiment, server), needs_server=True)


def _answer(server: DisturbedServer, answers: Answers, sweep: DisturbedSweep, chance: random.Random) -> str:
    seconds = chance.uniform(SHORT_S, LONG_S)
    server.answers = answers
    time.sleep(seconds)
    server.answers = Answers.WELL
    return f"for {seconds:.1f} s"


def _kill(server: DisturbedServer, sweep: DisturbedSweep, chance: random.Random) -> str:
    seconds = chance.uniform(SHORT_S, LONG_S)
    server.kill()
    time.sleep(seconds)
    server.start()
    return f"away for {seconds:.1f} s and its start"


def _delete_run(server: DisturbedServer, sweep: DisturbedSweep, chance: random.Random) -> str:
    client, experiment_id = _experiment(server)
    mine = tagged(Tag.SWEEP_ID, sweep.folder.manifest().sweep_id) if sweep.folder.exists else ""
    runs = sorted(client.search_runs([experiment_id], mine), key=lambda run: run.info.run_id) if mine else []
    if not runs:
        raise NotNowError
    run = chance.choice(runs)
    client.delete_run(run.info.run_id)
    return str(run.info.run_name)


def _delete_experiment(server: DisturbedServer, sweep: DisturbedSweep, chance: random.Random) -> str:
    client, experiment_id = _experiment(server)
    client.delete_experiment(experiment_id)
    return EXPERIMENT_PREFIX + NAME


def _experiment(server: DisturbedServer) -> tuple[MlflowClient, str]:
    """A client, and the id of the sweep's experiment."""
    from mlflow import MlflowClient
    from mlflow.entities import LifecycleStage

    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(EXPERIMENT_PREFIX + NAME)
    if experiment is None or experiment.lifecycle_stage == LifecycleStage.DELETED:
        raise NotNowError
    return client, experiment.experiment_id
