"""Whether all that a sweep has recorded agrees, and what can be done where it does not."""
