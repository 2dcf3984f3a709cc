"""A problem's module as the check calls it: objective and constraints as named quantities of the Lagrangian."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import wraps
from types import SimpleNamespace
from typing import Any

import numpy as np
from sympy import MatrixSymbol

from symgrad.frontend.names import name_of
from symgrad.problem.functions import BOTH, CONSTRAINTS, GRADIENT, HESSIAN, JACOBIAN, OBJECTIVE
from symgrad.verify.calls import together

_OF_THE_LAGRANGIAN = ("value", "gradient", "value_and_gradient", "flat_value_and_gradient", "pack", "unpack", "bind")


def as_checked(module: Any, lagrangian: Any, variables: Sequence[Any], constraints: Sequence[str]) -> SimpleNamespace:
    """The functions of a problem's module under the names that the check knows.

    Value and gradient are those of the Lagrangian's own module; objective and constraints are quantities with
    Jacobians, and the Hessian is compared with differences of the Lagrangian's gradient.
    """
    known = {name: getattr(lagrangian, name) for name in _OF_THE_LAGRANGIAN if hasattr(lagrangian, name)}

    def slopes(gradient: Any) -> Any:
        pairs = zip(variables, gradient, strict=True)
        return type(gradient)(*[_without_ones(variable, part) for variable, part in pairs])

    known |= {
        OBJECTIVE: getattr(module, OBJECTIVE),
        f"jacobian_{OBJECTIVE}": _changed(getattr(module, GRADIENT), slopes),
        f"{OBJECTIVE}_and_jacobian": _changed(getattr(module, BOTH), lambda both: (both[0], slopes(both[1]))),
        "hessian_sparse": getattr(module, HESSIAN),
    }
    for name in constraints:
        values, jacobian = getattr(module, CONSTRAINTS), getattr(module, JACOBIAN)
        known[name] = _changed(values, _field(name))
        known[f"jacobian_{name}"] = _rows(values, jacobian, name, [name_of(one) for one in variables])
        known[f"{name}_and_jacobian"] = _side_by_side(known[name], known[f"jacobian_{name}"])
    return together(SimpleNamespace(**known), module, lagrangian)


def _field(name: str) -> Callable[[Any], Any]:
    return lambda record: getattr(record, name)


def _changed(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        return change(function(*given, **named))

    return called


def _rows(
    values: Callable[..., Any], jacobian: Callable[..., Any], name: str, variables: Sequence[str]
) -> Callable[..., Any]:
    """The derivatives of one constraint by each variable, of the matrix of all."""
    made = namedtuple("made", variables)  # type: ignore[misc]  # of a problem that is known here

    @wraps(jacobian)
    def called(*given: Any, **named: Any) -> Any:
        found = values(*given, **named)
        sizes = [int(np.size(part)) for part in found]
        number = found._fields.index(name)
        first = sum(sizes[:number])
        matrix = jacobian(*given, **named).to_dense()[first : first + sizes[number]]
        ends = np.cumsum([np.size(named[variable]) for variable in variables])
        return made(*np.split(matrix, ends[:-1], axis=1))

    return called


def _side_by_side(first: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(first)
    def called(*given: Any, **named: Any) -> Any:
        return first(*given, **named), second(*given, **named)

    return called


def _without_ones(variable: Any, part: Any) -> Any:
    """An array along the axes of a variable, of which sides of one of a matrix are none."""
    if not isinstance(variable, MatrixSymbol):
        return part
    if np.ndim(part) != 2:  # it was given without them
        return part
    sides = zip(np.shape(part), variable.shape, strict=True)
    return np.reshape(part, tuple(length for length, side in sides if side != 1))
