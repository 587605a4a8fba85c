"""Figures of a sweep: each module has one function that takes its tables and returns a chart.

The tables are those of `analysis.load`, of one workload: of a sweep over several, `tables.on(name)`. A figure draws
what there is and says in its caption what is missing. Where there is nothing to draw it raises InputError with a
sentence that says why.
"""
