"""The parts that optimizer classes share: checked options, exact checkpoints, guards, averaged weights."""
