"""The command line: thin shells around what Python users call."""
