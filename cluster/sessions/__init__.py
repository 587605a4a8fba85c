"""Sessions of work on a sweep: which process drives it, and how the sweep stands by what that has told."""
