"""Statements and functions with other fields; what a pass leaves as it is stays the same object."""

from dataclasses import replace
from operator import is_
from typing import Any, TypeVar

from symgrad.statements.statements import Body, Statement

_Held = TypeVar("_Held", bound=Statement | Body)


def having(one: _Held, **fields: Any) -> _Held:
    """The same with other fields; itself where they are its own, with all that is known of it already."""
    own = [getattr(one, name) for name in fields]
    same = all(old is new or _are_same(old, new) for old, new in zip(own, fields.values(), strict=True))
    return one if same else replace(one, **fields)


def _are_same(old: object, new: object) -> bool:
    tuples = isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new)
    return all(map(is_, old, new)) if tuples else isinstance(old, str) and old == new  # type: ignore[call-overload]
