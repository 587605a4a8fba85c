"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
