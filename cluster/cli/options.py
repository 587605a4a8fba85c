"""Options that several commands share."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from search_spaces.stores.default_names import DEFAULT_STORAGE

# As many as a sweep file may ask for.
MOST_TRIALS, MOST_STUDIES, MOST_SEEDS = 100_000, 1_000, 10_000


def sweep_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the sweeps of the storage folder whose names begin so, for a shell that completes a command."""
    storage = context.params.get("storage") or os.environ.get("ADAMANT_STORAGE") or DEFAULT_STORAGE
    names = (path.parent.name for path in Path(storage).expanduser().glob("*/manifest.json"))
    return sorted(name for name in names if name.startswith(incomplete))


SweepName = Annotated[
    str, typer.Argument(metavar="NAME", help="The sweep's name.", autocompletion=sweep_names, show_default=False)
]
Storage = Annotated[str, typer.Option(envvar="ADAMANT_STORAGE", help="Folder for sweeps, study and runs.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        parser=str.strip,
        metavar="URI",
        help="MLflow tracking URI; else $ADAMANT_TRACKING_URI, else a database in the storage folder.",
    ),
]
StudyStorage = Annotated[
    str | None,
    typer.Option(
        parser=str.strip,
        metavar="URL",
        help="Optuna storage URL or journal file; else $ADAMANT_STUDY_STORAGE, else in the folder.",
    ),
]
Address = Annotated[str | None, typer.Option(help="Address of a running Ray cluster; this machine when left out.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the sweep, e.g. search.trials=64."),
]
Size = Annotated[
    str | None, typer.Option(help="One of the sizes that the sweep offers: smoke, small or paper in the ready ones.")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Execute code that the sweep uses also where it belongs to somebody else.")
]
Expect = Annotated[
    str | None, typer.Option(metavar="DIGEST", help="Fail unless the sweep finds the same as another run of its file.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the verdict as JSON.")]
Data = Annotated[str | None, typer.Option(help="Data folder; else $ADAMANT_DATA, else data/ in the storage folder.")]
More = Annotated[
    int | None,
    typer.Option(
        min=1, max=MOST_TRIALS, metavar="N", help="Go on with a sweep of that name, with N trials more an arm."
    ),
]
MoreStudies = Annotated[
    int | None,
    typer.Option(
        min=1, max=MOST_STUDIES, metavar="N", help="Go on with a sweep of that name, with N more searches of each arm."
    ),
]
MoreSeeds = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_SEEDS,
        metavar="N",
        help="Go on with a sweep of that name, with N more seeds in each confirmation.",
    ),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="NAME", help="Begin with the best of an earlier sweep's arms.")
]
Probe = Annotated[
    bool, typer.Option("--probe", help="Tell first how long it will take here; the report then compares.")
]
OrResume = Annotated[
    bool, typer.Option("--or-resume", help="Go on with the sweep of that name where it is there already.")
]


class Until(StrEnum):
    decided = "decided"


UntilDecided = Annotated[
    Until | None,
    typer.Option(
        "--until",
        help="Add studies in rounds until each arm is better, worse or equivalent. All looks together err no more "
        "often than one would; only a metric.smallest_difference lets arms be equivalent.",
    ),
]
AtMost = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="With --until: such as 90m, 12h or 2d; a further round that would not end in time is not begun.",
    ),
]
MostStudies = Annotated[
    int | None,
    typer.Option(
        max=MOST_STUDIES, metavar="N", help="With --until: studies after the last round; four rounds if left out."
    ),
]
