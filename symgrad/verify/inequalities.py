"""Linear inequalities between entries of inputs, and inputs that are moved until they hold.

Facts such as `R[n] >= x[n] + 1` tie entries of several arrays, or of one; subscripts that are data have to stay inside
their axes; logarithms, roots and logarithms of gamma functions want arguments that are positive. Where all of that is
linear, no luck is needed: what is violated is mended by moving one entry after the other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sympy import Basic, Ge, Gt, Indexed, Le, Lt, Pow, Symbol, log, loggamma
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.frontend.facts import FactReader
from symgrad.verify.arrays import Array, Rng
from symgrad.verify.constraints import instances

MOST = 400  # of one statement, such as `x[i] < y[j]` for all i and j; each costs a millisecond to read
_SWEEPS, _FEWEST_SWEEPS = 60, 12  # of the inequalities: a chain of them may hand on what is lacking a link at a time
_ROOM = 0.2  # that real numbers are kept from the border, so that they may be moved to both sides


class Term(NamedTuple):
    """A multiple of one entry of an input."""

    name: str
    place: tuple[int, ...]
    coefficient: float


class Inequality(NamedTuple):
    """Σ terms + constant is at least zero."""

    terms: tuple[Term, ...]
    constant: float

    def gap(self, inputs: Mapping[str, Any]) -> float:
        """By how much it holds."""
        entries = (coefficient * float(np.asarray(inputs[name])[at]) for name, at, coefficient in self.terms)
        return sum(entries, self.constant)


def domain_demands(expressions: Iterable[Basic]) -> list[Basic]:
    """Statements under which expressions are real and their subscripts inside the axes, where these are arguments."""
    found: dict[Basic, None] = {}
    for expression in expressions:
        for part in expression.atoms(log, loggamma, Pow):
            if isinstance(part, log | loggamma):
                found[Gt(part.args[0], 0, evaluate=False)] = None
            elif part.exp.is_Rational and not part.exp.is_Integer:
                found[Gt(part.base, 0, evaluate=False)] = None
        for part in expression.atoms(Indexed, MatrixElement):
            for sub, length in zip(part.args[1:], getattr(part.args[0], "shape", None) or (), strict=False):
                if sub.atoms(Indexed, MatrixElement):
                    found[Ge(sub, 0, evaluate=False)] = None
                    found[Le(sub, length - 1, evaluate=False)] = None
    return [statement for statement in found if statement.atoms(Indexed, MatrixElement, Symbol)]


def inequalities(statements: Iterable[Basic], reader: FactReader) -> Iterator[Inequality]:
    """Those of the statements that are linear in entries of inputs, for every value of their indices."""
    for statement in statements:
        if isinstance(statement, Gt | Ge | Lt | Le):
            for number, one in enumerate(instances(statement, reader)):
                found = _inequality(one, reader) if number < MOST else None
                if found is None:
                    break
                yield found


def _inequality(statement: Any, reader: FactReader) -> Inequality | None:
    """A statement without indices; None where it is not linear, or about something else than inputs."""
    if not isinstance(statement, Gt | Ge | Lt | Le):
        return None
    linear = reader.linear(statement.gts - statement.lts)
    if linear is None or not linear.rest.is_number:
        return None
    terms = []
    for entry, coefficient in linear.coefficients.items():
        argument, subscripts = reader.place(entry)  # type: ignore[misc]
        if not all(sub.is_Integer for sub in subscripts) or len(subscripts) != len(argument.shape):
            return None
        terms.append(Term(argument.name, tuple(map(int, subscripts)), coefficient))
    # of integers, what is above zero is at least one
    whole = isinstance(statement, Gt | Lt) and all(reader.arguments[term.name].integer for term in terms)
    return Inequality(tuple(terms), float(linear.rest) - whole)


def settled(
    inputs: dict[str, Any],
    wanted: Sequence[Inequality],
    limits: Callable[[str], tuple[Array, Array] | None],
    rng: Rng,
) -> dict[str, Any]:
    """Inputs moved until the inequalities hold, as far as that is possible.

    Parameters
    ----------
    inputs : what to start from; a new dictionary is returned.
    wanted : what shall hold.
    limits : the smallest and the largest value of every entry of an argument; None of one that is not to be moved.
    rng : chooses the entries that move, and how much further than they must.
    """
    moved = {name: np.array(value) for name, value in inputs.items()}
    bounds = {name: limits(name) for name in dict.fromkeys(t.name for one in wanted for t in one.terms)}
    lack = np.inf
    for sweep in range(_SWEEPS):
        short = [one for one in wanted if one.gap(moved) < _room(one, moved)]
        before, lack = lack, sum(_room(one, moved) - one.gap(moved) for one in short)
        if not short or (sweep > _FEWEST_SWEEPS and lack >= before):
            break
        for one in short:
            lacking = _room(one, moved) - one.gap(moved)
            for number in rng.permutation(len(one.terms)):
                term, limit = one.terms[number], bounds[one.terms[number].name]
                if lacking <= 0 or limit is None:
                    continue
                array, at = moved[term.name], term.place
                step = (lacking + rng.uniform(0.1, 0.6)) / term.coefficient
                step = np.sign(step) * np.ceil(np.abs(lacking / term.coefficient)) if array.dtype.kind != "f" else step
                start = array[at]
                array[at] = np.clip(start + step, limit[0][at], limit[1][at])
                lacking -= float(array[at] - start) * term.coefficient
    return {name: moved[name][()] if name in bounds else value for name, value in inputs.items()}


def _room(one: Inequality, inputs: Mapping[str, Array]) -> float:
    return _ROOM if any(inputs[term.name].dtype.kind == "f" for term in one.terms) else 0.0
