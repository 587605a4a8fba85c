"""Run every part, or those named: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import argparse
import importlib
import os
import time

from benchmarks.report import Goal, table
from benchmarks.sandbox import core_count

PARTS = ("optimizer_step", "throughput", "search_quality", "sweep_overhead", "documented_pattern")


def main() -> None:
    """Run the parts one after the other, and end with every goal in one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", metavar="NAME", nargs="*", help=f"parts to run, of {', '.join(PARTS)}; all by default")
    names: list[str] = parser.parse_args().parts
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")

    started = time.monotonic()
    goals: list[Goal] = []
    for name in names or PARTS:
        load = os.getloadavg()[0]
        print(f"== {name}   ({core_count()} cores, load before it {load:.1f})\n", flush=True)
        part_started = time.monotonic()
        goals += importlib.import_module(f"benchmarks.{name}").main()
        print(f"\n({time.monotonic() - part_started:.0f} s)\n", flush=True)
    rows = [(goal.what, goal.figure, goal.bound, goal.verdict) for goal in goals]
    print(table(("goal", "measured", "wanted", ""), rows))
    print(f"\n{sum(goal.met for goal in goals)} of {len(goals)} goals met in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
