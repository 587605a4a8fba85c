"""What ends a trial's process and not the trial."""

from __future__ import annotations


class LostContactError(ConnectionError):
    """Another of the processes that train a run together is gone, or does not answer."""
