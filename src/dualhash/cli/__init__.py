"""The command line, one module per command.

In: arguments.
Out: calls of the public Python functions; what they return as text or JSON.
May import: every package; only `reproduction` imports it.
"""
