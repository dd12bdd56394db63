"""HTTP itself: connections, headers, bodies, limits, errors and metrics.

In: bytes from untrusted clients.
Out: checked requests, or problem+json responses.
May import: `serve.settings`, `serve.schemas` and the errors of `search`, but no open index.
"""
