"""Families of tests that do the same with many models, of which a part is tried by default."""

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(count: int, values: Iterable[Any]) -> list[Any]:
    """The values of a parameter, of which all but one in so many are left to `pytest -m long`."""
    return [value if n % count == 0 else pytest.param(value, marks=pytest.mark.long) for n, value in enumerate(values)]
