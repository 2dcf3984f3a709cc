"""The version of symgrad."""

__version__ = "0.1.0"
