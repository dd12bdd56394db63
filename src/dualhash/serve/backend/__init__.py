"""What the routes call: the open index, its replacement at run time, and the response models.

In: checked requests. Out: models of `dualhash.serve.schemas`.
May import `dualhash.search`, `dualhash.serve.http` and `dualhash.serve.uploads`.
"""
