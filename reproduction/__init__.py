"""Reproduces the tables and figures of the paper on a catalogue.

Takes a catalogue and the finished results in `benchmarks/results/paper`; writes further results and
the report `docs/results.md`. Uses every part of `dualhash`; nothing imports it.
"""
