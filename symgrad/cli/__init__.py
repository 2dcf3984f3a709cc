"""The command line: `symgrad compile`, `symgrad show` and `symgrad check`."""

from symgrad.cli.commands import main

__all__ = ["main"]
