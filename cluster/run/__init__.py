"""A sweep from its start to its report: the driver, the live display, resuming, replaying."""
