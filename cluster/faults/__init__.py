"""Faults, done to a small sweep at random moments; it is to find the same as one that nobody disturbed."""
