"""What a model has learned, as numbers, figures and pages; sheets of search results.

In: a model and a catalogue, or search results.
Out: analyses, drawings and text files.
May import: `catalogue`, `codes`, `search` and `evaluation`; figures need the extra `analysis`.
"""
