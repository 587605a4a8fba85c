"""Machines of their own on this one: namespaces for network, processes, files and names, each with an SSH server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cluster.ports import listens
from tests.conftest import wait_until

BRIDGE, NETWORK = "adamant-br", "10.93.0"
# What a machine has alone: its home, Ray's folder, its shared memory. The rest, this checkout too, it shares.
BOOT = """
set -e
mount --make-rprivate /
hostname {name}
mkdir -p {work}/python /tmp/adamant-0
mount --bind {python} {work}/python
mount -t tmpfs tmpfs /root
mkdir -p {python} /root/.ssh
mount --bind {work}/python {python}
mount -t tmpfs -o mode=700 tmpfs /tmp/adamant-0
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd
cp {key}.pub /root/.ssh/authorized_keys
chmod -R go= /root
exec $(command -v sshd) -D -e -h {work}/host_key -o PidFile=none -o ListenAddress={address} \
    -o AuthorizedKeysFile=/root/.ssh/authorized_keys -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no
"""


def skip_unless_possible() -> None:
    """Skip the test where namespaces are not allowed, or what they need is not installed."""
    missing = [name for name in ("ip", "unshare", "ssh", "ssh-keygen", "sshd", "rsync") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (Debian: iproute2, openssh-server, rsync)")
    tries = [
        ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "true"],
        ["ip", "netns", "add", "adamant-try"],
        ["ip", "netns", "delete", "adamant-try"],
        ["ip", "link", "add", "adamant-try", "type", "bridge"],
        ["ip", "link", "delete", "adamant-try"],
    ]
    if os.geteuid() != 0 or any(subprocess.run(one, check=False, capture_output=True).returncode for one in tries):
        pytest.skip("namespaces for network, mounts and processes, or bridges between them, are not allowed here")


class Machine:
    """One of the machines; everything on it dies with it."""

    def __init__(self, number: int, work: Path, key: Path) -> None:
        self.name, self.address = f"adamant{number}", f"{NETWORK}.{number}"
        self._work, self._key = work / self.name, key
        self._process: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        self._work.mkdir(parents=True)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._work / "host_key"))
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", f"{self.name}-h", "type", "veth", "peer", "name", f"{self.name}-n")
        _run("ip", "link", "set", f"{self.name}-h", "master", BRIDGE, "up")
        _run("ip", "link", "set", f"{self.name}-n", "netns", self.name)
        for settings in (("addr", "add", f"{self.address}/24", "dev", f"{self.name}-n"),
                         ("link", "set", f"{self.name}-n", "up"), ("link", "set", "lo", "up")):  # fmt: skip
            _run("ip", "-n", self.name, *settings)
        script = BOOT.format(
            name=self.name, work=self._work, python=sys.base_prefix, key=self._key, address=self.address
        )
        spaces = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        with (self._work / "boot.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *spaces, "bash", "-c", script], stdout=log, stderr=log
            )
        wait_until(self._answers, 20, f"the SSH server of {self.name}")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._work / "boot.log").read_text()
        return listens(22, self.address)

    def run(self, command: str) -> str:
        """What a command prints there."""
        options = ["-i", str(self._key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        ended = subprocess.run(
            ["ssh", "-q", *options, f"root@{self.address}", command], capture_output=True, text=True, check=False
        )
        return ended.stdout

    def switch_off(self) -> None:
        """All at once, as when somebody pulls the plug."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", f"{self.name}-h"], check=False, capture_output=True)


class Lab:
    """Machines on one bridge with this one, which is 10.93.0.254."""

    def __init__(self, work: Path, count: int) -> None:
        self.key = work / "lab-key"
        work.mkdir(parents=True, exist_ok=True)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        self.machines = [Machine(number, work, self.key) for number in range(1, count + 1)]

    def boot(self) -> None:
        _run("ip", "link", "add", BRIDGE, "type", "bridge")
        _run("ip", "addr", "add", f"{NETWORK}.254/24", "dev", BRIDGE)
        _run("ip", "link", "set", BRIDGE, "up")
        for machine in self.machines:
            machine.boot()

    def switch_off(self) -> None:
        for machine in self.machines:
            machine.switch_off()
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
