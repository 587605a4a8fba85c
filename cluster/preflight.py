"""Everything that can be known to be wrong before anything starts."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import optimizers
import trainables
from cluster.locations import location_path
from optimizers import InputError, did_you_mean
from search_spaces import Sweep, arm_space, draws
from search_spaces.addresses import sqlite_path, without_password
from search_spaces.checks import check_grace
from search_spaces.schema import Workload
from search_spaces.space import TRAINING, owner_of
from trainables.summary import MEASURED, STEPS_TO_TARGET

SERVER_TIMEOUT_S = 5
DATABASES = ("postgresql", "mysql", "mssql")


def check_workload(sweep: Sweep) -> Sweep:
    """The sweep with its workloads' own budgets filled in. Raises InputError where they do not fit to it."""
    return sweep.with_workloads({name: _resolved(sweep.on(name)) for name in sweep.by_workload})


def _resolved(sweep: Sweep) -> Workload:
    """The workload of a sweep over one with its own budget filled in."""
    try:
        entry = trainables.get(sweep.workload.name)
    except InputError as error:
        raise sweep.error("workload", "name", str(error)) from None
    resolved = sweep.workload.resolved(
        epochs=entry.epochs,
        batch_size=entry.batch_size,
        training=_checked(sweep, "training", entry.check_training),
        options=_checked(sweep, "options", entry.check_options),
    )
    metrics = entry.metrics_with(resolved.options)
    _check_metric(sweep, ("metric",), sweep.metric.name, metrics)
    for number, tradeoff in enumerate(sweep.tradeoffs):
        _check_metric(sweep, ("tradeoffs", number), tradeoff.name, [*metrics, *MEASURED])
    if sweep.scheduler.type == "pbt" and sweep.workload.steps and entry.parts:
        raise sweep.error(
            "workload",
            "steps",
            f"the parts of {entry.name} count their own steps, so pbt needs a budget in epochs",
        )
    for arm in sweep.arms:
        _check_parts(sweep, arm, entry.parts)
        _check_training(sweep, arm, entry.check_training)
    check_grace(sweep, resolved)
    if sweep.resources.workers > (resolved.batch_size or 1):
        raise sweep.error(
            "resources",
            "workers",
            f"{sweep.resources.workers} workers cannot share a batch of {resolved.batch_size} examples; "
            "take fewer, or a larger workload.batch_size",
        )
    return resolved


def _check_metric(sweep: Sweep, place: tuple[str | int, ...], name: str, known: Sequence[str]) -> None:
    if name not in known:
        has = f"{sweep.workload.name} has no metric"
        raise sweep.error(*place, "name", f'{has} "{name}"; it has {", ".join(known)}.{did_you_mean(name, known)}')
    if name == STEPS_TO_TARGET and sweep.metric.target is None:
        raise sweep.error(*place, "name", f"{name} needs a metric.target to reach")


def _check_parts(sweep: Sweep, arm: str, parts: Collection[str]) -> None:
    """Raise InputError for a parameter of a part that the workload's model does not have."""
    known = optimizers.get(sweep.arms[arm].optimizer).hyperparameters
    for parameter in sweep.arms[arm].parameters:
        part, _ = owner_of(parameter, known)
        if part not in ("", TRAINING, *parts):
            has = f"its parts are {', '.join(parts)}" if parts else "it has one optimizer and no parts"
            raise sweep.error(
                "arms", arm, "parameters", parameter,
                f'{sweep.workload.name} has no part "{part}"; {has}.{did_you_mean(part, parts)}',
            )  # fmt: skip


def _check_training(sweep: Sweep, arm: str, check: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Raise InputError where an arm searches over ways of training that there are not."""
    parameters = arm_space(sweep.arms[arm]).parameters
    searched = {name: one for name, one in parameters.items() if name.startswith(f"{TRAINING}.")}
    for name, parameter in searched.items():
        for value in draws.grid(name, parameter, {}, 2):
            try:
                check({**sweep.workload.training, name.removeprefix(f"{TRAINING}."): value})
            except InputError as error:
                place = ("parameters", name) if name in sweep.arms[arm].parameters else ("space",)
                raise sweep.error("arms", arm, *place, str(error)) from None


def _checked(sweep: Sweep, key: str, check: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    try:
        return check(getattr(sweep.workload, key))
    except InputError as error:
        raise sweep.error("workload", key, str(error)) from None


def check_data(sweep: Sweep, data_root: Path) -> None:
    """Raise InputError unless the workloads' data is there and whole, or can be downloaded."""
    for workload in sweep.by_workload.values():
        trainables.get(workload.name).obtain_data(data_root, workload.options)


def check_tracking(tracking_uri: str) -> None:
    """Raise InputError for a tracking server that does not answer, or for what is neither a server nor a database."""
    if tracking_uri.startswith(("http://", "https://")):
        _check_server(tracking_uri)
    elif tracking_uri.startswith(("sqlite", *DATABASES)):
        _check_database(tracking_uri)
    elif tracking_uri != "databricks":
        raise InputError(
            f"--tracking-uri {tracking_uri}: write the address of an MLflow server (http://...) "
            "or of a database (sqlite:///..., postgresql://...)"
        )


def _check_database(tracking_uri: str) -> None:
    """A database that is not there yet is made later, so only one that is can be found unusable."""
    path = sqlite_path(tracking_uri)
    if path is not None and not path.exists():
        return
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = create_engine(tracking_uri)
        inspect(engine).get_table_names()
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"--tracking-uri {without_password(tracking_uri)}: this database cannot be used ({reason})"
        ) from None


def _check_server(tracking_uri: str) -> None:
    try:
        with urllib.request.urlopen(f"{tracking_uri.rstrip('/')}/health", timeout=SERVER_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        # Something answers there; only a server error means that it cannot be used.
        if error.code < 500:
            return
        reason: object = error
    except OSError as error:
        reason = getattr(error, "reason", error)
    raise InputError(
        f"--tracking-uri {tracking_uri}: no MLflow server answers there ({reason}); "
        "start one, correct the address, or leave the option out for a local database"
    )


def check_resources(sweep: Sweep, address: str | None) -> None:
    """Raise InputError when a trial wants more than this machine has; a cluster may grow, so it is not asked."""
    if address is not None:
        return
    wanted, cores = sweep.resources, os.cpu_count() or 1
    of_workers = f" ({wanted.workers} workers)" if wanted.workers > 1 else ""
    if wanted.cpu * wanted.workers > cores:
        raise sweep.error(
            "resources",
            "workers" if wanted.cpu <= cores else "cpu",
            f"a trial wants {wanted.cpu * wanted.workers} cores{of_workers}, and this machine has {cores}",
        )
    if wanted.gpu:
        import torch

        if wanted.gpu * wanted.workers > (gpus := torch.cuda.device_count()):
            raise sweep.error(
                "resources",
                "gpu",
                f"a trial wants {wanted.gpu * wanted.workers:g} GPUs{of_workers}, and torch finds {gpus} here",
            )


def check_address(address: str | None) -> None:
    """Raise InputError for the ``host:port`` of a Ray cluster that does not answer."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), SERVER_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:  # the second for a port above 65535
        raise InputError(f"--address {address}: no Ray cluster answers there ({error})") from None


def check_study_storage(location: str, sweep: Sweep) -> None:
    """Raise InputError for a study database that does not answer, or that holds a sweep of this name already."""
    path = location_path(location)
    if path is not None and not path.exists():
        return
    from search_spaces.storage import open_storage
    from search_spaces.study import search_study_name

    taken = {study.study_name for study in open_storage(location).get_all_studies()}
    wanted = {search_study_name(contest, arm) for contest in sweep.contests().values() for arm in sweep.arms}
    if wanted & taken:
        raise sweep.error(
            "name",
            f'the study storage {without_password(location)} holds a sweep "{sweep.name}" already; '
            "choose another name, for example with --set name=...",
        )
