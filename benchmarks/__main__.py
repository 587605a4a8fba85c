"""Run every part, or those named: `python -m benchmarks [NAME ...]`; on a GPU those that compute on one."""

from __future__ import annotations

import argparse
import importlib
import os
import time

from benchmarks.report import Goal, table
from benchmarks.sandbox import core_count

PARTS = (
    "optimizer_step",
    "throughput",
    "search_quality",
    "order_cost",
    "verdict_rates",
    "verdict_rounds",
    "sweep_overhead",
    "profile",
    "documented_pattern",
    "analysis_speed",
)
ON_A_GPU = ("optimizer_step", "throughput")


def on_a_gpu() -> bool:
    """Whether there is one."""
    import torch

    return torch.cuda.is_available()


def main() -> None:
    """Run the parts one after the other, and end with every goal in one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", metavar="NAME", nargs="*", help=f"parts to run, of {', '.join(PARTS)}; all by default")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="what trains; cpu by default")
    given = parser.parse_args()
    parts = PARTS if given.device == "cpu" else ON_A_GPU
    names: list[str] = given.parts or list(parts)
    if unknown := [name for name in names if name not in parts]:
        parser.error(f"there is no part {', '.join(unknown)} on {given.device}; the parts are {', '.join(parts)}")
    if given.device == "cuda" and not on_a_gpu():
        parser.error("torch.cuda sees no GPU")

    started = time.monotonic()
    goals: list[Goal] = []
    for name in names:
        load = os.getloadavg()[0]
        print(f"== {name}   ({core_count()} cores, load before it {load:.1f})\n", flush=True)
        part_started = time.monotonic()
        main_of_part = importlib.import_module(f"benchmarks.{name}").main
        goals += main_of_part(given.device) if name in ON_A_GPU else main_of_part()
        print(f"\n({time.monotonic() - part_started:.0f} s)\n", flush=True)
    rows = [(goal.what, goal.figure, goal.bound, goal.verdict) for goal in goals]
    print(table(("goal", "measured", "wanted", ""), rows))
    print(f"\n{sum(goal.met for goal in goals)} of {len(goals)} goals met in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
