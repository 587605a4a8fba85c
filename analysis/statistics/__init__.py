"""Intervals, paired differences, ranks, profiles and fronts, each with its source."""
