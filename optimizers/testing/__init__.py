"""The conformance suite for optimizers, ours and other people's: named cases, for pytest, the shell and programs."""
