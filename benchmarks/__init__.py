"""Speed as ratios, each side measured in the same run: `python -m benchmarks`."""
