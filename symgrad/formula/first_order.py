"""Adjoints as SymPy objects: as matrices where the formula has such a form, else as functions of indices."""

from typing import Any

from sympy import MatrixSymbol, S, Symbol

from symgrad.formula.indexed import IndexLambda, IndexNames, IndexWriter
from symgrad.formula.matrix import matrix_form, scalar_form
from symgrad.formula.network import NoMatrixForm
from symgrad.formula.tidy import tidied
from symgrad.graph.nodes import Node, Trajectory, Use, postorder


def first_formula(use: Use, base: Any, node: Node, subscripts: tuple[Any, ...] | None, names: IndexNames) -> Any:
    """A term over the axes of a quantity.

    `subscripts` are the indices at which it is wanted; where they are None the result is a matrix, or a function of
    the quantity's indices.
    """
    writer = IndexWriter(names)
    write = writer.recursion if isinstance(use.node, Trajectory) else writer.write
    if subscripts is not None:
        if isinstance(base, MatrixSymbol):
            subscripts = tuple(sub for sub, side in zip(subscripts, base.shape, strict=True) if side != 1)
        return tidied(write(use, dict(enumerate(subscripts))))
    if isinstance(base, Symbol):
        if any(isinstance(getattr(below, "symbol", None), MatrixSymbol) for below in postorder([use.node])):
            try:
                return tidied(scalar_form(use))
            except (NoMatrixForm, NotImplementedError):
                pass
        return tidied(write(use, {}))
    if isinstance(base, MatrixSymbol):
        try:
            return _matrix(use, base)
        except (NoMatrixForm, NotImplementedError):  # SymPy refuses some products of scalars and matrices
            pass
    taken: set[Any] = set()
    symbols = []
    for size in base.shape if isinstance(base, MatrixSymbol) else node.shape:
        symbols.append(names.pick(S(size), taken))
        taken.add(symbols[-1])
    kept = (
        [s for s, side in zip(symbols, base.shape, strict=True) if side != 1]
        if isinstance(base, MatrixSymbol)
        else symbols
    )
    # a variable for a side of length one stands nowhere, and no index inside is called the same
    unused = {("side", k): symbol for k, symbol in enumerate(symbols) if symbol not in kept}
    return IndexLambda(tuple(symbols), tidied(write(use, {**unused, **dict(enumerate(kept))})))


def _matrix(use: Use, base: MatrixSymbol) -> Any:
    axes = iter(range(2))
    rows, columns = ((None if side == 1 else next(axes), side) for side in base.shape)
    return matrix_form(use, rows, columns)
