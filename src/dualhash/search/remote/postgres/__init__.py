"""An index as a PostgreSQL table: copied from an index file, searched by PostgreSQL with pgvector.

In: an index file to copy; queries and a `SearchRequest`.
Out: the `Results` that the index file would give.
May import: `search`, except `build`; psycopg only inside functions.
"""
