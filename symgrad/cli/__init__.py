"""The command line: `symgrad derive`, `new`, `show`, `check`, `compile`, `report`, `serve` and their helpers."""

from symgrad.cli import derive, serving, starting  # noqa: F401  (their commands join the group when they are imported)
from symgrad.cli.commands import main

__all__ = ["main"]
