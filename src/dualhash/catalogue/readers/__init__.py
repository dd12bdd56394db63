"""The file formats of catalogues, one per module.

In: a path. Out: a `Catalogue`. `read_catalogue` chooses the reader.
May import the modules of `catalogue` beside `datasets` and `read_catalogue`.
"""
