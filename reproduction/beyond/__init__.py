"""Codes beyond the paper: the recipe dph+, its parts, and specialists on the same kept features.

Takes a folder of catalogues and the finished results in `benchmarks/results/beyond`; writes further
results and the report `docs/beyond.md`. Cells, results and the order of the work are those of the
paper's grid.
"""
