"""Searches in an index file: from queries with codes to results.

In: queries and a `SearchRequest`.
Out: `Results`, the same for any number of threads and queries.
May import: `search.kernels`, `search.storage` and the modules of `search` for queries and requests.
"""
