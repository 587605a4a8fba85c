"""Have every Python process of a profiled command sample itself: Python imports this from PYTHONPATH at its start."""

import os

if os.environ.get("BENCHMARKS_SAMPLES"):
    from benchmarks.sampler import start

    start(os.environ["BENCHMARKS_SAMPLES"])
