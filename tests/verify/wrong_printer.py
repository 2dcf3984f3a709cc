"""Modules in which NumPy's spelling of a function is wrong, for the check to find."""

from typing import Any

import pytest

from symgrad.lowering import functions
from symgrad.statements.operations import UNARY
from symgrad.statements.spaces import SPACES
from symgrad.targets.numpy.functions import SPELLINGS


def print_wrongly(monkeypatch: pytest.MonkeyPatch, head: Any, name: str = "wrong", spelling: str = "") -> None:
    """Let a function be printed as the NumPy function of this name, or under it as something else; entry by entry."""
    monkeypatch.setitem(functions.UFUNCS, head, name)
    if name not in UNARY:
        monkeypatch.setitem(SPACES, name, SPACES["sin"])
    if spelling:
        monkeypatch.setitem(SPELLINGS, name, spelling)
