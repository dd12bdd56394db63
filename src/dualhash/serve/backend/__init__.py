"""What the routes call: the open index, its replacement at run time, and the responses.

In: checked requests.
Out: models of `search.remote.messages` and `serve.schemas`.
May import: `search`, `analysis`, `serve.http` and `serve.uploads`.
"""
