"""What a model has learned, as numbers, figures and pages: bit functionality and result sheets.

Takes a model and a catalogue, or search results; returns analyses, drawings and text files.
Imports `catalogue`, `codes`, `search` and `evaluation`; figures need the extra `analysis`.
"""
