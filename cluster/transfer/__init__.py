"""Sweeps that are taken to another machine: one file with all that was recorded."""
