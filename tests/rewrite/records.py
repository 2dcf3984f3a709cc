"""What the rewrites of `rewrite` and `schedule` do to the terms of a model: each record's terms before and after it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from sympy import Rational

import symgrad.rewrite
import symgrad.schedule
from symgrad import Model
from symgrad.frontend.facts import Simplex, Structure
from symgrad.graph.build import ONE, add
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Node, Previous, Scan, Use, postorder
from symgrad.graph.transform import own
from symgrad.rewrite.record import Record
from symgrad.verify.draw import Draw

Change = tuple[Use, Use]

DIGITS = 50
ROOM = 150  # more digits, of which cancellation may take some: exp(100) beside 1


def modules() -> Iterator[Any]:
    for package in (symgrad.rewrite, symgrad.schedule):
        for found in iter_modules(package.__path__, f"{package.__name__}."):
            yield import_module(found.name)


def every_record() -> dict[str, Record[..., Any]]:
    """All records of the two packages by name."""
    found = {id(part): part for module in modules() for part in vars(module).values() if isinstance(part, Record)}
    assert len({made.name for made in found.values()}) == len(found)
    return {made.name: made for made in found.values()}


@contextmanager
def doing(record: Record[..., Any], function: Callable[..., Any]) -> Iterator[None]:
    """With another function in a record, wherever it is applied."""
    right = record.function
    object.__setattr__(record, "function", function)
    try:
        yield
    finally:
        object.__setattr__(record, "function", right)


def switched_off(*given: Any, **_: Any) -> Any:
    """What a record makes that never applies."""
    return list(given[0]) if isinstance(given[0], list | tuple) and not isinstance(given[0], Use) else None


# Rewrites of code, not of terms, and what they make where they do not apply
OF_CODE: dict[str, Callable[..., Any]] = {
    "keep_steps": lambda roots: list(roots),
    "row_plan": lambda roots, arguments: None,
    "leading": lambda nodes, plan: {},
}


def changes(record: Record[..., Any], model: Model, request: dict[str, Any]) -> list[Change]:
    """The terms that a record changes while the model is compiled, and what it makes of them."""
    found: dict[Change, None] = {}
    right = record.function

    def watched(*given: Any, **options: Any) -> Any:
        made = right(*given, **options)
        found.update((pair, None) for pair in _pairs(given, made) if pair[0] != pair[1])
        return made

    with doing(record, watched):
        model.source(**request)
    return [pair for pair in found if not any(map(_is_open, pair))]


def _pairs(given: Sequence[Any], made: Any) -> list[Change]:
    first = given[0]
    if isinstance(first, Use):
        return [] if made is None else [(first, made)]
    if isinstance(first, Node):
        whole = len(given) > 1 and isinstance(given[1], tuple) and all(isinstance(part, Use) for part in given[1])
        return [] if made is None else [(first.rebuild(given[1]) if whole and given[1] else own(first), made)]
    return list(zip(first, made, strict=True))


def _is_open(use: Use) -> bool:
    """Whether a term has placeholders of a recurrence that it is a part of."""
    nodes = list(postorder([use.node]))
    return bool({n.key for n in nodes if isinstance(n, Previous)} - {n.key for n in nodes if isinstance(n, Scan)})


def in_order(pair: Change) -> tuple[Use, Use, int]:
    """Both terms over letters 0, 1, ..., and how many these are."""
    letters = sorted({*pair[0].letters, *pair[1].letters}, key=lambda x: (str(type(x)), str(x)))
    names = {letter: n for n, letter in enumerate(letters)}
    return relabel(pair[0], names), relabel(pair[1], names), len(letters)


def compare(pair: Change, inputs: dict[str, Any], sizes: Any, room: int = ROOM) -> int:
    """How many numbers of the two terms agree to 50 digits; an AssertionError where some do not.

    Where the first is no number, the second may be: 0·log 0 is what some rewrites are for.
    """
    with mpmath.workdps(DIGITS + room):
        evaluate = GraphEvaluator(inputs, sizes)
        before, after, rank = in_order(pair)
        left, right = np.broadcast_arrays(evaluate(before, rank), evaluate(after, rank))
        known = [(a, b) for a, b in zip(left.ravel(), right.ravel(), strict=True) if mpmath.isfinite(a)]
        scale = max((abs(a) for a, _ in known), default=mpf(0))
        for a, b in known:
            assert abs(a - b) <= mpf(10) ** -DIGITS * scale, f"{pair[0]} became {pair[1]}: {a} became {b}"
        return len(known)


def wrong(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a record, but off by 1e-30 the first time that it changes something."""
    tiny = Rational(1, 10**30)
    done = False

    def off(*given: Any, **options: Any) -> Any:
        nonlocal done
        made = function(*given, **options)
        changed = [pair for pair in _pairs(given, made) if pair[0] != pair[1]]
        if done or not changed or any(map(_is_open, changed[0])):
            return made
        done = True
        other = add([(1 + tiny, changed[0][1]), (tiny, ONE)])
        return [other if use == changed[0][1] else use for use in made] if isinstance(made, list) else other

    return off


def standing(draw: Draw, name: str) -> bool:
    """Whether facts leave no number of an argument free."""
    return any(isinstance(c, Simplex) or getattr(c, "kind", None) == "orthogonal" for c in _about(draw, name))


def scaled(draw: Draw, name: str) -> bool:
    """Whether facts hold for an argument as a whole, and for every positive multiple of it."""
    return not standing(draw, name) and any(isinstance(c, Structure) for c in _about(draw, name))


def _about(draw: Draw, name: str) -> list[Any]:
    return [constraint for constraint in draw.constraints if getattr(constraint, "name", None) == name]


def wide(model: Model, draw: Draw, rng: np.random.Generator, least: float, most: float) -> dict[str, Any]:
    """The inputs with every real number that no fact is about multiplied by a power of ten between the two."""
    inputs = {}
    for argument in model.arguments:
        value = draw.inputs[argument.name]
        if np.asarray(value).dtype.kind == "f" and not standing(draw, argument.name):
            powers = rng.uniform(least, most, size=() if scaled(draw, argument.name) else np.shape(value))
            value = value * 10.0**powers
        inputs[argument.name] = value
    return inputs
