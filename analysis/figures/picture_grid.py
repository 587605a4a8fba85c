"""What generators made: each arm's pictures, side by side over time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from analysis.charts.chart import Axis, Chart, Panel, Picture
from analysis.figures.figure_parts import not_shown
from optimizers import InputError
from search_spaces import Sweep

_WIDTH = 220
_BLANK = 255


def picture_grid(sweep: Sweep, pictures: Mapping[str, Mapping[str, Path | np.ndarray]]) -> Chart:
    """A row an arm, a column for each moment: ``pictures`` has by arm, then by words for the moment ("epoch 5"), the
    file of a picture or its pixels, uint8 of shape (height, width) or (height, width, 3).

    Moments stand in the order in which they first appear; an arm without a picture of one has an empty place. Raises
    InputError where there is no picture at all, and for a file that is none.
    """
    moments = list(dict.fromkeys(moment for of_arm in pictures.values() for moment in of_arm))
    arms = [arm for arm in sweep.arms if pictures.get(arm)]
    if not arms:
        raise InputError("No grid of pictures: no run has logged any.")
    pixels = {(arm, moment): _pixels(picture) for arm in arms for moment, picture in pictures[arm].items()}
    height, width = next(iter(pixels.values())).shape[:2]
    blank = np.full((height, width), _BLANK, dtype=np.uint8)
    panels = [
        Panel(
            Axis("" if (arm, moment) in pixels else "no picture"),
            Axis(arm if moment == moments[0] else ""),
            [Picture(pixels.get((arm, moment), blank))],
            title=moment if arm == arms[0] else "",
        )
        for arm in arms
        for moment in moments
    ]
    return Chart(
        title=f"{sweep.name}: what each arm's generator made",
        panels=panels,
        columns=len(moments),
        caption="The same noise in all pictures of a run."
        + not_shown({arm: "no picture" for arm in sweep.arms if arm not in arms}),
        size=(_WIDTH, round(_WIDTH * height / width)),
    )


def _pixels(picture: Path | np.ndarray) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        return picture
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(picture) as opened:
            return np.asarray(opened.convert("L" if opened.mode in ("1", "L") else "RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f'"{picture}" cannot be read as a picture: {error}.') from error
