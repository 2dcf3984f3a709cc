"""Walks over SymPy expressions of any depth: without recursion, and each shared sub-expression once."""

from collections.abc import Iterable, Iterator
from typing import Any

from sympy import Basic, Indexed
from sympy.matrices.expressions.matexpr import MatrixElement


class Preorder:
    """The distinct sub-expressions, each before its operands; `skip()` leaves out the operands of the last one."""

    def __init__(self, expression: Basic) -> None:
        self._stack: list[Any] = [expression]
        self._operands: tuple[Any, ...] = ()
        self._seen: dict[int, Any] = {}  # by identity: to compare deep expressions is to walk them

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._stack.extend(reversed(self._operands))
        self._operands = ()
        while self._stack:
            part = self._stack.pop()
            if id(part) not in self._seen:
                self._seen[id(part)] = part
                self._operands = tuple(getattr(part, "args", ()))
                return part
        raise StopIteration

    def skip(self) -> None:
        self._operands = ()


def depth(expressions: Iterable[Basic]) -> int:
    """The largest number of operations inside each other."""
    return _nesting(expressions, object)


def guarding_first(conditions: Iterable[Basic]) -> list[list[Basic]]:
    """Conditions by how many entries of arrays they have inside one another, those with fewest first.

    So what keeps a subscript on its axis, j >= 2 for l[j - 2] or c[n] >= 0 for x[c[n]], stands before what it keeps.
    """
    found: dict[int, list[Basic]] = {}
    for condition in conditions:
        found.setdefault(_nesting([condition], Indexed | MatrixElement), []).append(condition)
    return [found[level] for level in sorted(found)]


def _nesting(expressions: Iterable[Basic], kind: Any) -> int:
    """The largest number of parts of a kind that are inside each other."""
    levels: dict[int, tuple[Any, int]] = {}
    deepest = 0
    for expression in expressions:
        stack = [(expression, False)]
        while stack:
            part, done = stack.pop()
            args = getattr(part, "args", ())
            if done:
                inner = max((levels[id(arg)][1] for arg in args if id(arg) in levels), default=0)
                levels[id(part)] = part, isinstance(part, kind) + inner
                deepest = max(deepest, levels[id(part)][1])
            elif id(part) not in levels:
                stack.append((part, True))
                stack.extend((arg, False) for arg in args)
    return deepest


def is_larger(expression: Basic, most: int, deepest: int) -> bool:
    """Whether an expression, written out, has more parts than `most` or is nested deeper than `deepest`."""
    level, count = [expression], 0
    for _ in range(deepest):
        count += len(level)
        if count > most:
            return True
        level = [arg for part in level for arg in getattr(part, "args", ())]
    return bool(level)
