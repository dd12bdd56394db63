"""The version of the package and of its file formats."""

__version__ = "0.1.0"
