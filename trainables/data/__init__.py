"""Data sets: reading and checking their files, caching them as arrays once a node, splits, and the order of batches."""
