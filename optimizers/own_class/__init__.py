"""Entries of optimizers that were written elsewhere: read from a signature, or from the text that defines it."""

from optimizers.own_class.own_entries import described, entry_of

__all__ = ["described", "entry_of"]
