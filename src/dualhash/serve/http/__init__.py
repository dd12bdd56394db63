"""HTTP itself: connections, headers, bodies, limits, errors and metrics.

In: bytes from untrusted clients.
Out: checked requests, or problem+json responses.
May import: `serve.settings`, `search.remote.messages` and the errors of `search`, but no
open index.
"""
