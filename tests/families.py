"""Families of tests that do the same with many models, of which a part is tried by default."""

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(count: int, values: Iterable[Any]) -> list[Any]:
    """The values of a parameter (tuples, of several), of which all but one in so many are left to `pytest -m long`."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.long if n % count else ())
        for n, value in enumerate(values)
    ]
