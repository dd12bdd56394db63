"""An index as a Milvus collection: copied from an index file, searched by Milvus.

In: an index file to copy; queries and a `SearchRequest`.
Out: the `Results` that the index file would give.
May import: `search`, except `build`; pymilvus only inside functions.
"""
