"""The HTTP service.

In: an index file, and requests of clients.
Out: a JSON API and a web page.
May import: `catalogue`, `codes`, `search` and `analysis`; needs the extra `serve`, no torch.
"""
