# pyright: reportPrivateImportUsage=false
# Torch documents its stores under torch.distributed, which does not export them to type checkers.
"""The processes of a trial that several train together: Ray actors in the placement group of the trial's own.

The trial's actor is rank 0 and leads: it tells the followers what it is about to do itself, and looks after that how
they fared. They keep nothing that is not in its checkpoints.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psutil
import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from trainables.training.lost_contact import LostContactError
from trainables.tune._open_run import open_run
from trainables.tune.checkpoint import TrialFolder

if TYPE_CHECKING:
    from trainables.training.training_run import Training

# Longer than processes that are alive ever wait for each other: evaluations and checkpoints lie between their meetings.
TIMEOUT = timedelta(minutes=5)
# How long after a failure of the leader's own its followers may take to say what they know of it.
EXPLANATION_S = 10.0
THIS_MACHINE = "127.0.0.1"

T = TypeVar("T")


class Follower:
    """Any rank but the first; its methods are called by the leader, who does the same at the same time."""

    def __init__(self, rank: int, gpus: float) -> None:
        self._rank, self._backend = rank, "nccl" if gpus else "gloo"
        self._training: Training | None = None

    def address(self) -> str:
        """Of the node that it is on."""
        return ray.util.get_node_ip_address()

    def join(self, host: str, port: int, size: int) -> None:
        """Meet the others at the leader's store."""
        import torch.distributed as dist

        store = dist.TCPStore(host, port, size, is_master=False, timeout=TIMEOUT)
        _join(self._backend, store, self._rank, size, host)

    def open(self, config: dict[str, Any]) -> None:
        """Build the run of a trial's config, at its start."""
        self._training = None  # before another one takes its place in memory
        self._training = open_run(config)

    def load(self, folder: str, step: int, inherited: bool) -> None:
        """Go on from the checkpoint in a trial's folder, which is that of the leader's own step."""
        state, _ = TrialFolder(folder).load_checkpoint()
        if state is None or state["step"] != step:
            node = socket.gethostname()
            raise FileNotFoundError(f"{folder}: node {node} does not see the checkpoint of step {step} there")
        self._run.load_state_dict(state, inherited)

    def advance(self, steps: int) -> None:
        """See ``Training.advance``. After an error the others must not wait for this process."""
        import torch.distributed as dist

        try:
            self._run.advance(steps)
        except Exception:
            dist.destroy_process_group()
            raise

    def save(self) -> None:
        """Tell the leader, who saves, what only this process has."""
        self._run.state_dict()

    @property
    def _run(self) -> Training:
        if self._training is None:
            raise RuntimeError("a follower was called before it had a run")
        return self._training


class Team:
    """This process and its followers, the ``size`` ranks of torch.distributed's default group.

    Followers take the further bundles of the placement group that this actor is in, each with ``cpus`` cores and
    ``gpus`` GPUs. Here and below LostContactError is raised when one of them is gone, and otherwise the error that a
    follower met.
    """

    def __init__(self, size: int, cpus: int, gpus: float) -> None:
        self.size, self._backend = size, "nccl" if gpus else "gloo"
        group = ray.util.get_current_placement_group()
        if group is None:
            raise RuntimeError("a trial of several workers needs a placement group with a bundle for each")
        # A follower that started again would know nothing; the trial starts again as a whole.
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0)(Follower)
        self._followers = [
            remote.options(scheduling_strategy=PlacementGroupSchedulingStrategy(group, rank)).remote(rank, gpus)
            for rank in range(1, size)
        ]
        try:
            self._meet()
        except BaseException:
            self.stop()
            raise

    def _meet(self) -> None:
        import torch.distributed as dist

        own, others = self._together(ray.util.get_node_ip_address, "address")
        # Where all are on one machine, nobody else is listened to.
        host = THIS_MACHINE if set(others) == {own} else own
        listener = socket.create_server((host, 0))
        port = listener.getsockname()[1]
        store = dist.TCPStore(
            host, port, self.size, is_master=True, wait_for_workers=False, timeout=TIMEOUT,
            master_listen_fd=listener.detach(),
        )  # fmt: skip
        self._together(lambda: _join(self._backend, store, 0, self.size, host), "join", host, port, self.size)

    def open(self, config: dict[str, Any]) -> Training:
        """The run of a trial's config, at its start, here and with every follower."""
        return self._together(lambda: open_run(config), "open", config)[0]

    def load(self, training: Training, folder: Path, inherited: bool = False) -> None:
        """Have every follower go on from the checkpoint in ``folder`` from which ``training`` goes on."""
        self._together(lambda: None, "load", str(folder), training.step, inherited)

    def advance(self, training: Training, steps: int) -> None:
        """As ``training.advance``, with the followers."""
        self._together(lambda: training.advance(steps), "advance", steps)

    def state_dict(self, training: Training) -> dict[str, Any]:
        """As ``training.state_dict``, with the followers."""
        return self._together(training.state_dict, "save")[0]

    def stop(self) -> None:
        """End the followers and the group."""
        import torch.distributed as dist

        for follower in self._followers:
            ray.kill(cast(Any, follower))  # Ray declares another type
        if dist.is_initialized():
            dist.destroy_process_group()

    def _together(self, own: Callable[[], T], method: str, *arguments: Any) -> tuple[T, list[Any]]:
        """What ``own`` gives here, and what the method gives of each follower meanwhile."""
        calls = [getattr(follower, method).remote(*arguments) for follower in self._followers]
        try:
            result = own()
        except LostContactError:
            # Gloo says that a connection was closed; a follower may know why.
            _answers(calls, EXPLANATION_S)
            raise
        return result, _answers(calls)


def _answers(calls: list[Any], timeout: float | None = None) -> list[Any]:
    """The results, of those that are there in time; Ray answers for a follower that is gone."""
    ready, _ = ray.wait(calls, num_returns=len(calls), timeout=timeout)
    results, errors = [], []
    for call in ready:
        try:
            results.append(ray.get(call))
        except RayTaskError as error:
            errors.append(error.cause)
        except RayActorError as error:
            raise LostContactError(f"a worker of this trial is gone: {error}") from error
    # That another one has lost contact follows from what the first has met.
    for error in sorted(errors, key=lambda error: isinstance(error, LostContactError)):
        raise error
    return results


def _join(backend: str, store: Any, rank: int, size: int, host: str) -> None:
    """Make torch.distributed's default group, which speaks over the network interface of this node's address."""
    import torch.distributed as dist

    interface = _interface_of(host if host == THIS_MACHINE else ray.util.get_node_ip_address())
    if interface is not None:
        for library in ("GLOO", "NCCL"):
            os.environ.setdefault(f"{library}_SOCKET_IFNAME", interface)
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=TIMEOUT)


def _interface_of(address: str) -> str | None:
    """Return the network interface that has this address, if there is one."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(one.address == address for one in addresses):
            return name
    return None
