"""HTTP itself: connections, headers, bodies, limits, errors and metrics.

In: bytes from untrusted clients. Out: checked requests, or problem+json responses.
May import `dualhash.serve.settings` and `dualhash.serve.schemas`; knows nothing of an open index.
"""
