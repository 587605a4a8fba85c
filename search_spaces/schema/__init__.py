"""The sweep file as typed, immutable objects: keys, ranges, units, usual names, and errors with their line."""
