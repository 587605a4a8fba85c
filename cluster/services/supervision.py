"""supervisord over the services of a head: what ends is started again, and all of them end with it.

It needs neither root nor systemd, which a head on a cloud, in a container or under Slurm may lack.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

# In the order in which they are started, and against which they are stopped, with the signal that stops each.
STOPPED_BY = {"postgres": signal.SIGINT, "mlflow": signal.SIGTERM, "optuna": signal.SIGTERM}
SUPERVISOR = """\
[supervisord]
nodaemon = true
silent = true
logfile = %(here)s/supervisor.log
pidfile = %(here)s/supervisord.pid
"""
# Whoever ends within startsecs is started again after a pause that grows by a second each time; others are at once.
SERVICE = """
[program:{name}]
command = {before} "{python}" -m cluster.services_commands serve {name} --folder "%(here)s"
priority = {priority}
autorestart = true
startsecs = 60
startretries = 1000000
stopsignal = {stop_signal}
stopwaitsecs = 30
killasgroup = true
redirect_stderr = true
stdout_logfile = %(here)s/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""


def supervise(folder: Path) -> None:
    """Keep the services of ``folder`` running until SIGTERM or SIGINT."""
    configuration = folder / "supervisord.conf"
    configuration.write_text(SUPERVISOR + "".join(map(_service, STOPPED_BY)), encoding="utf-8")
    command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)]
    supervisor = subprocess.Popen([*ending_with_parent(signal.SIGTERM), *command])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.terminate())
    supervisor.wait()


def ending_with_parent(number: signal.Signals) -> list[str]:
    """What stands before a command to which the system sends a signal when its parent dies, however that happens."""
    has_setpriv = shutil.which("setpriv") is not None  # which only Linux has
    return ["setpriv", "--pdeathsig", number.name.removeprefix("SIG"), "--"] if has_setpriv else []


def _service(name: str) -> str:
    return SERVICE.format(
        name=name,
        before=" ".join(ending_with_parent(STOPPED_BY[name])),
        python=sys.executable.replace("%", "%%"),
        priority=list(STOPPED_BY).index(name),
        stop_signal=STOPPED_BY[name].name.removeprefix("SIG"),
    )
