"""Scalar SymPy expressions to terms: the part of the language that local derivatives and users' formulas share."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from sympy import (
    Abs,
    Add,
    Basic,
    Function,
    Heaviside,
    Max,
    Min,
    Mul,
    Number,
    NumberSymbol,
    Piecewise,
    Pow,
    S,
    Symbol,
    conjugate,
    exp,
    im,
    re,
    sign,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanFunction, BooleanTrue, Not, Or, to_nnf

from symgrad.errors import UnsupportedError
from symgrad.functions import if_else
from symgrad.graph.build import add, apply, boolean, const, mul, power
from symgrad.graph.nodes import Use

Reading = Generator[Basic, Use, Use]


def run(start: Basic, read: Callable[[Basic], Reading]) -> Use:
    """Drive the reader `read` over a tree without recursion: it yields sub-expressions and is sent their terms."""
    stack = [read(start)]
    result: Use | None = None
    while stack:
        try:
            child = stack[-1].send(result) if result is not None else next(stack[-1])
        except StopIteration as stop:
            stack.pop()
            result = stop.value
        else:
            stack.append(read(child))
            result = None
    assert result is not None
    return result


def scalar_rules(expr: Basic) -> Reading | None:
    """The reading of a scalar operation, or None if it is a leaf that the caller must know."""
    match expr:
        case Number() | NumberSymbol():
            return _constant(expr)
        case BooleanTrue() | BooleanFalse():
            return _truth(bool(expr))
        case Add():
            return _sum(expr)
        case Mul():
            return _product(expr)
        case Pow():
            return _power(expr)
        case Piecewise():
            return _piecewise(expr)
        case re() | conjugate():  # every quantity of a model is real
            return _same(expr)
        case im():
            return _constant(S.Zero)
        case Heaviside():
            return _heaviside(expr)
        case Max() | Min():
            return _extremum(expr)
        case Relational() | And() | Or() | Not():
            return _elementwise(expr)
        case BooleanFunction():  # Xor, Implies, Equivalent
            return _same_as(to_nnf(expr, simplify=False))
        case Function() if _is_elementwise(expr):
            return _elementwise(expr)
        case _:
            return None


def _is_elementwise(expr: Basic) -> bool:
    return isinstance(expr, exp | Abs | sign | if_else) or (isinstance(type(expr), type(Function)) and bool(expr.args))


def _constant(expr: Basic) -> Reading:
    return const(expr)
    yield


def _same_as(expr: Basic) -> Reading:
    return (yield expr)


def _same(expr: Basic) -> Reading:
    return (yield expr.args[0])


def _truth(value: bool) -> Reading:
    return boolean(value)
    yield


def _sum(expr: Basic) -> Reading:
    terms = []
    for arg in expr.args:
        terms.append((S.One, (yield arg)))
    return add(terms)


def _product(expr: Basic) -> Reading:
    factors = []
    for arg in expr.args:
        factors.append((yield arg))
    return mul(factors)


def _power(expr: Basic) -> Reading:
    if expr.base is S.Exp1:
        return apply(exp, [(yield expr.exp)])
    base = yield expr.base
    exponent = yield expr.exp
    return power(base, exponent)


def _piecewise(expr: Basic) -> Reading:
    if expr.args[-1][1] is not S.true:
        raise UnsupportedError(f"{expr} has no value where none of its conditions holds; end it with (value, True)")
    result = yield expr.args[-1][0]
    for value, condition in reversed(expr.args[:-1]):
        result = apply(if_else, [(yield condition), (yield value), result])
    return result


def _heaviside(expr: Basic) -> Reading:
    # SymPy's step: its second argument is the value at zero
    argument = yield expr.args[0]
    at_zero = yield expr.args[1]
    zero = const(S.Zero)
    inner = apply(if_else, [apply(Relational.ValidRelationOperator["<"], [argument, zero]), zero, at_zero])
    return apply(if_else, [apply(Relational.ValidRelationOperator[">"], [argument, zero]), const(S.One), inner])


def _extremum(expr: Basic) -> Reading:
    args = []
    for arg in expr.args:
        args.append((yield arg))
    result = args[0]
    for arg in args[1:]:
        result = extremum(type(expr), result, arg)
    return result


def extremum(head: Any, left: Use, right: Use) -> Use:
    """Max or Min of two terms, in an order that does not depend on how it was written."""
    return apply(head, sorted([left, right], key=lambda use: (-len(use.letters), use.node.digest)))


def _elementwise(expr: Basic) -> Reading:
    args = []
    for arg in expr.args:
        args.append((yield arg))
    return apply(expr.func, args)


def lift(expr: Basic, placeholders: Mapping[Symbol, Use]) -> Use:
    """A scalar expression of placeholders as a term."""

    def read(part: Basic) -> Reading:
        if part in placeholders:
            return _leaf(placeholders[part])
        rule = scalar_rules(part)
        if rule is None:
            raise UnsupportedError(f"no reading of {part} ({type(part).__name__})")
        return rule

    return run(expr, read)


def _leaf(use: Use) -> Reading:
    return use
    yield
