"""Indexes behind a URI: a server of `dualhash serve`, or a Milvus collection.

In: a query and a `SearchRequest`.
Out: the `Results` that `Index.search` returns for the same codes.
May import: `search`, except `build`; pymilvus only inside functions.
"""
