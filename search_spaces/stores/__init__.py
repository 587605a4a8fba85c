"""Databases and journals that hold studies and runs: addresses, schemas, and patience with what is slow."""
