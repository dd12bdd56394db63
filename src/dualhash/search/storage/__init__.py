"""The index file: an SQLite database, as `docs/formats.md` describes it.

In: codes, image paths, labels and payloads.
Out: the same, checked for damage.
May import: `catalogue`, `codes` and, from `search`, only `results`.
"""
