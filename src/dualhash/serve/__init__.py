"""The HTTP service: an index file goes in, a JSON API and a web page come out.

May import every package to its left in `tests/test_architecture.py`; only `cli` imports it.
Needs the extra `serve` and no torch.
"""
