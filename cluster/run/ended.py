"""What a driver leaves when it stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cluster.storage.rounds import Rounds


@dataclass(frozen=True)
class EndedSweep:
    """A sweep whose driver has stopped: with ``code`` 0 all of its runs are in MLflow and can be judged.

    ``links`` are the lines that lead to them, and ``confirm_link`` an address where one is served. ``digest`` is that
    of what it found, see :func:`search_spaces.study.digest.digest_of`. ``rounds`` are those of a sweep that grows until
    it is decided, and with ``code`` 0 the newest look is among those that were taken. Into ``verdict_tags`` the caller
    puts what the summary run is to say of the verdict.
    """

    code: int
    name: str
    tracking_uri: str
    links: list[str]
    confirm_link: str | None
    report_folder: Path
    digest: str = ""
    rounds: Rounds | None = None
    verdict_tags: dict[str, str] = field(default_factory=dict)
