"""The gradient by a parameter that facts hold to a linear space of matrices: the steepest direction in that space.

For symmetric matrices that is the symmetric part (G + Gᵀ)/2 of the unconstrained gradient G, for diagonal and
triangular ones what of G lies on the diagonal or in the triangle. (Petersen and Pedersen, The Matrix Cookbook (2012),
section 2.8, give the derivative by the independent entries instead, which counts an off-diagonal entry twice:
G + Gᵀ - G∘I.)
"""

from sympy import Ge, Le, Rational

from symgrad.functions import if_else
from symgrad.graph.build import ZERO, add, apply, delta, index, mul
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Input, Use
from symgrad.graph.symmetry import SYMMETRIC


def project(parameter: Input, gradient: Use, axis: int = 0) -> Use:
    """The part of the gradient that lies in the space that the parameter is held to.

    The parameter's axes are the letters from `axis` on; those before it are other axes of a second derivative.
    """
    known = set(parameter.properties)
    if parameter.rank < 2:
        return gradient
    row, column = axis + parameter.rank - 2, axis + parameter.rank - 1
    rows, columns = parameter.shape[-2:]
    if "diagonal" in known:
        return mul([delta(row, column, rows), relabel(gradient, {column: row})])
    if known & SYMMETRIC:
        half = Rational(1, 2)
        return add([(half, gradient), (half, relabel(gradient, {row: column, column: row}))])
    for kind, relation in (("lower_triangular", Ge), ("upper_triangular", Le)):
        if kind in known:
            inside = apply(relation, [index(row, rows), index(column, columns)])
            gradient = apply(if_else, [inside, gradient, ZERO])
    return gradient


def note(parameter: Input) -> str | None:
    """What the docstring of a generated module says about the gradient by this parameter."""
    name, known = parameter.name, set(parameter.properties)
    if parameter.rank < 2:
        return None
    name = f"Every matrix of {name}" if parameter.rank > 2 else name
    if "diagonal" in known:
        return f"{name} is diagonal: its gradient is the diagonal of the unconstrained gradient."
    if known & SYMMETRIC:
        return (
            f"{name} is symmetric: its gradient is the symmetric part (G + Gᵀ)/2 of the unconstrained gradient G, the "
            "steepest direction among symmetric matrices."
        )
    for kind in ("lower", "upper"):
        if f"{kind}_triangular" in known:
            return f"{name} is {kind} triangular: its gradient is that triangle of the unconstrained gradient."
    return None
