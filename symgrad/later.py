"""Modules that are imported when something of them is asked for: NumPy, and what only some of the commands need.

A file that needs one so says it twice, for type checkers as an import and for Python as a `Later`.
"""

from importlib import import_module
from typing import Any


class Later:
    """Stands for a module until something of it is asked for.

    Parameters
    ----------
    name : the module's, with those of its packages.

    Examples
    --------
    >>> fractions = Later("fractions")
    >>> fractions.Fraction(2, 4)
    Fraction(1, 2)
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)
        return found
