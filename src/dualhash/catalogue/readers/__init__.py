"""The file formats of catalogues, one per module.

In: a path. `read_catalogue` chooses the reader.
Out: a `Catalogue`.
May import: modules of `catalogue`, except `datasets` and `read_catalogue`.
"""
