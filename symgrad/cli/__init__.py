"""The command line: `symgrad new`, `show`, `check`, `compile`, `report` and their helpers."""

from symgrad.cli import starting  # noqa: F401  (its commands join the group when it is imported)
from symgrad.cli.commands import main

__all__ = ["main"]
