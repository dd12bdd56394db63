"""The command line, one module per command.

In: arguments. Out: calls of the public Python functions, and what they return as text or JSON.
May import everything; only `reproduction` imports it.
"""
