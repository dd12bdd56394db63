"""Indexes behind a URI: a server of `dualhash serve`, a PostgreSQL table, a Milvus collection.

In: a query and a `SearchRequest`.
Out: the `Results` that `Index.search` returns for the same codes.
May import: `search`, except `build`; psycopg and pymilvus only inside functions.
"""
