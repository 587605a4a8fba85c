"""Before a sweep starts: what it will take, and whether everything it needs is there."""
