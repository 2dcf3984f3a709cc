"""Tests facts on concrete inputs: those that were read as constraints directly, any other by the exact reference."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from sympy import Basic, Eq, Ge, Gt, Indexed, IndexedBase, Integer, Le, Lt, MatrixExpr, Ne
from sympy.assumptions.assume import AppliedPredicate
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import SymgradError
from symgrad.verify.differences import Inputs
from symgrad.verify.facts import SIGNS, STRUCTURES, TOLERANCE, Bound, Constraint, FactReader, Unread, has_structure
from symgrad.verify.reference import evaluate
from symgrad.verify.sizes import concrete

MOST_INSTANCES = 4096  # a fact over large arrays is tested on its first entries; each costs about a millisecond

_DIGITS = 20  # well beyond the float64 numbers that go in


def holds(constraint: Constraint, inputs: Inputs, reader: FactReader, where: tuple[Basic, ...] = ()) -> bool | None:
    """Whether a constraint holds for inputs; None where it is of a kind that cannot be tested."""
    if not isinstance(constraint, Unread):
        return constraint.holds(inputs)
    verdict: bool | None = True
    for statement in instances(constraint.fact, reader):
        one = _statement(statement, inputs, reader, where)
        if one is False:
            return False
        verdict = verdict and one
    return verdict


def instances(fact: Basic, reader: FactReader) -> Iterator[Basic]:
    """The statements that a fact with free indices makes, one for each value of the indices.

    An index runs over the axis that it subscripts (the shortest, where it subscripts several).
    """
    ranges: dict[Basic, int] = {}
    for entry in fact.atoms(Indexed, MatrixElement):
        base, *subscripts = entry.args
        for subscript, length in zip(subscripts, getattr(base, "shape", None) or (), strict=False):
            # An affine subscript, `x[i + 1]`, ends the index's range that much earlier.
            for index in subscript.free_symbols & fact.free_symbols - set(reader.sizes):
                size, offset = reader.number(length), reader.number(subscript.xreplace({index: Integer(0)}))
                if size is not None and offset is not None:
                    last = int(size - offset)
                    ranges[index] = min(ranges.get(index, last), last)
    indices = sorted(ranges, key=str)
    for values in itertools.islice(itertools.product(*(range(ranges[index]) for index in indices)), MOST_INSTANCES):
        yield fact.xreplace({index: Integer(value) for index, value in zip(indices, values, strict=True)})


def _statement(statement: Any, inputs: Inputs, reader: FactReader, where: tuple[Basic, ...]) -> bool | None:
    if isinstance(statement, BooleanTrue):
        return True
    if isinstance(statement, BooleanFalse):
        return False

    values = {argument.symbol: inputs[argument.name] for argument in reader.arguments.values()}

    def scalar(expression: Basic) -> float:
        return float(evaluate(expression, values, reader.sizes, where, digits=_DIGITS))

    def value(expression: Any) -> Any:
        if isinstance(expression, IndexedBase) and expression.shape is not None:
            sides = [concrete(length, reader.sizes) for length in expression.shape]
            return np.array([scalar(expression[place]) for place in np.ndindex(*sides)]).reshape(sides)
        if not isinstance(expression, MatrixExpr):
            return scalar(expression)
        rows, columns = (concrete(length, reader.sizes) for length in expression.shape)
        return np.array([[scalar(MatrixElement(expression, i, j)) for j in range(columns)] for i in range(rows)])

    try:
        if isinstance(statement, AppliedPredicate) and len(statement.arguments) == 1:
            return _predicate(statement.function.name, value(statement.arguments[0]))
        if isinstance(statement, Relational):
            return _relation(statement, value(statement.lhs), value(statement.rhs))
    except (SymgradError, ValueError, IndexError, ArithmeticError):
        return None  # an expression that the reference does not know, or one that is not real here
    return None


def _predicate(kind: str, value: Any) -> bool | None:
    if kind in SIGNS:
        return Bound(Integer(0), "value", (), **SIGNS[kind]).holds({"value": value})
    if kind in STRUCTURES:
        return has_structure(STRUCTURES[kind], np.asarray(value))
    return None


def _relation(relation: Relational, left: Any, right: Any) -> bool | None:
    slack = TOLERANCE * max(1.0, float(np.max(np.abs(left), initial=0.0)), float(np.max(np.abs(right), initial=0.0)))
    difference = np.asarray(left) - np.asarray(right)
    tests = {
        Eq: np.abs(difference) <= slack,
        Ne: difference != 0,
        Lt: difference < 0,
        Gt: difference > 0,
        Le: difference <= slack,
        Ge: difference >= -slack,
    }
    for kind, test in tests.items():
        if isinstance(relation, kind):
            return bool(np.all(test))
    return None
