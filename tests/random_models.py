"""Random models: one tree of array operations, written out in index notation, with matrices, or in a mixture of both.

An `Array` is a tree whose nodes have a shape of two sides. `matrix` and `entry` write it as SymPy in the two dialects;
`models` draws the parts of a model, which `build` puts together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sympy as sp
from hypothesis import strategies as st
from sympy import HadamardProduct, Identity, IndexedBase, MatrixSymbol, OneMatrix, Sum, Symbol, symbols

from symgrad import LogSumExp, MaxOver, Model, if_else, logdet, relu, sigmoid, softmax, softplus, total
from symgrad.matrix_functions import InverseEntry, LogDetOver

SIDES = N, M, K = symbols("N M K", integer=True, positive=True)
ONE = sp.Integer(1)

# names, each with the function of one entry
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": sp.sin,
    "tanh": sp.tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "relu": relu,
    "abs": sp.Abs,
    "square": lambda u: u**2,
    "cube": lambda u: u**3,
    "gauss": lambda u: sp.exp(-(u**2)),
    "exp of sin": lambda u: sp.exp(sp.sin(u)),
    "log": lambda u: sp.log(1 + u**2),
    "root": lambda u: sp.sqrt(1 + u**2),
    "reciprocal": lambda u: 1 / (2 + sp.cos(u)),
    "plain sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "log of plain sigmoid": lambda u: sp.log(1 / (1 + sp.exp(-u))),
    "max": lambda u: sp.Max(u, 0),
    "condition": lambda u: if_else(u > 0, sp.sin(u), u),
}

# those that SymPy itself leaves alone when they are put into one another: exp(-log(u)) is 1/u before anybody can see
# it, and sin(u - v) of numbers, but not of matrices, is turned into -sin(v - u)
CALM = ("sigmoid", "softplus", "relu")


@dataclass(frozen=True)
class Array:
    """A node: what it does, its operands, what else it takes, and its shape."""

    kind: str
    parts: tuple["Array", ...]
    extra: Any
    shape: tuple[Any, Any]


def leaf(name: str, shape: tuple[Any, Any]) -> Array:
    return Array("leaf", (), name, shape)


# --- the two dialects -------------------------------------------------------------------------------------------------


def matrix(array: Array) -> Any:
    """The tree as a matrix expression."""
    parts = [matrix(part) for part in array.parts]
    match array.kind:
        case "leaf":
            return MatrixSymbol(array.extra, *array.shape)
        case "sum":
            return sp.MatAdd(*(c * part for c, part in zip(array.extra, parts, strict=True)))
        case "hadamard":
            return HadamardProduct(*parts)
        case "product":
            return parts[0] * parts[1]
        case "transpose":
            return parts[0].T
        case "function":
            return parts[0].applyfunc(_lambda(array.extra))
        case "softmax":
            return softmax(parts[0])
        case "row sums":
            return parts[0] * OneMatrix(array.parts[0].shape[1], 1)
        case "column":
            return parts[0] * OneMatrix(1, array.shape[1])
        case "inverse":
            return (Identity(array.shape[0]) + parts[0] * parts[0].T).inverse()
    raise AssertionError(array.kind)


def _lambda(name: str) -> sp.Lambda:
    u = sp.Dummy("u", real=True)
    return sp.Lambda(u, FUNCTIONS[name](u))


class Entries:
    """Writes trees in index notation, with fresh indices of the given names."""

    def __init__(self, names: Sequence[str], backwards: bool = False) -> None:
        self._names = iter(f"{name}{k or ''}" for k in range(100) for name in names)
        self._backwards = backwards

    def fresh(self) -> Symbol:
        return Symbol(next(self._names), integer=True)

    def entry(self, array: Array, row: Any, column: Any) -> Any:
        """The entry at (row, column)."""

        def part(number: int, i: Any = row, j: Any = column) -> Any:
            return self.entry(array.parts[number], i, j)

        match array.kind:
            case "leaf":
                return MatrixSymbol(array.extra, *array.shape)[row, column]
            case "sum":
                terms = [c * part(k) for k, c in enumerate(array.extra)]
                return sp.Add(*(reversed(terms) if self._backwards else terms))
            case "hadamard":
                factors = [part(k) for k in range(len(array.parts))]
                return sp.Mul(*(reversed(factors) if self._backwards else factors))
            case "product":
                side = array.parts[0].shape[1]
                if side == 1:
                    return part(0, row, 0) * part(1, 0, column)
                inner = self.fresh()
                return Sum(part(0, row, inner) * part(1, inner, column), (inner, 0, side - 1))
            case "transpose":
                return part(0, column, row)
            case "function":
                return FUNCTIONS[array.extra](part(0))
            case "softmax":
                inner = self.fresh()
                return softmax(part(0, row, inner), (inner, 0, array.shape[1] - 1)).subs(inner, column)
            case "row sums":
                inner = self.fresh()
                return Sum(part(0, row, inner), (inner, 0, array.parts[0].shape[1] - 1))
            case "column":
                return part(0, row, 0)
            case "inverse":
                return self._inverse(array, row, column)
        raise AssertionError(array.kind)

    def _inverse(self, array: Array, row: Any, column: Any) -> Any:
        i, j, side = self.fresh(), self.fresh(), array.shape[0]
        return InverseEntry(self._gram(array.parts[0], i, j), (i, 0, side - 1), (j, 0, side - 1), (row, column))

    def _gram(self, array: Array, i: Any, j: Any) -> Any:
        """1 + A·Aᵀ at (i, j)."""
        inner, side = self.fresh(), array.shape[1]
        left, right = self.entry(array, i, inner), self.entry(array, j, inner)
        return sp.KroneckerDelta(i, j) + Sum(left * right, (inner, 0, side - 1))

    def loss(self, array: Array, kind: str) -> Any:
        """A number from the tree."""
        rows, columns = array.shape
        i, j = self.fresh(), self.fresh()
        if kind == "logdet":
            limits = (i, 0, rows - 1), (j, 0, rows - 1)
            return LogDetOver(self._gram(array, i, j), *limits)
        limits = [(index, 0, side - 1) for index, side in ((i, rows), (j, columns)) if side != 1]
        body = self.entry(array, i if rows != 1 else 0, j if columns != 1 else 0)
        body = body if kind != "squares" else body**2
        if not limits:
            return body
        if kind == "logsumexp":
            return LogSumExp(body, *limits)
        return Sum(body, *(reversed(limits) if self._backwards else limits))


def matrix_loss(array: Array, kind: str) -> Any:
    whole = matrix(array)
    if kind == "logdet":
        return logdet(Identity(array.shape[0]) + whole * whole.T)
    if kind == "squares":
        return total(HadamardProduct(whole, whole))
    return total(whole)


# --- drawing them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A model's tree, what number is made of it, and which of its leaves are parameters."""

    tree: Array
    loss: str
    parameters: tuple[Array, ...]


def leaves(array: Array) -> dict[str, Array]:
    found = {array.extra: array} if array.kind == "leaf" else {}
    for part in array.parts:
        found |= leaves(part)
    return found


@st.composite
def trees(draw: Any, shape: tuple[Any, Any], depth: int, calm: bool = False) -> Array:
    """A tree of the shape; leaves are named after their shape, so that some occur twice.

    A calm one is the same expression in every dialect: SymPy changes neither functions put into one another, nor a
    product of matrices beside its own transpose.
    """
    rows, columns = shape
    if depth == 0 or draw(st.integers(0, 9)) == 0:
        if rows == columns == 1:  # SymPy takes a function of a matrix symbol of one entry for a function of a number
            return Array("product", (leaf("A_1N", (ONE, N)), leaf("A_N1", (N, ONE))), None, shape)
        return leaf(f"{draw(st.sampled_from('AB'))}_{rows}{columns}", shape)
    kinds = ["sum", "hadamard", "product", "product", "transpose", "function", "function", "function"]
    kinds += ["softmax"] if columns != 1 else ["row sums"]
    kinds += ["column"] * (columns != 1) + ["inverse"] * (rows == columns != 1)
    kind = draw(st.sampled_from(kinds))

    # SymPy compares no matrix of one entry with a number
    names = sorted(CALM if calm else FUNCTIONS.keys() - ({"max", "condition"} if rows == columns == 1 else set()))

    def below(shape: tuple[Any, Any]) -> Array:
        return draw(trees(shape, depth - 1, calm))

    match kind:
        case "sum":
            coefficients = draw(st.lists(st.sampled_from([1, 2, -1, -3, sp.Rational(1, 2)]), min_size=2, max_size=3))
            return Array(kind, tuple(below(shape) for _ in coefficients), tuple(coefficients), shape)
        case "hadamard":
            return Array(kind, (below(shape), below(shape)), None, shape)
        case "product":
            side = draw(st.sampled_from([ONE, *SIDES]))
            if calm:  # SymPy merges products of products
                return Array(
                    kind,
                    (leaf(f"A_{rows}{side}", (rows, side)), leaf(f"B_{side}{columns}", (side, columns))),
                    None,
                    shape,
                )
            return Array(kind, (below((rows, side)), below((side, columns))), None, shape)
        case "transpose":
            return Array(kind, (below((columns, rows)),), None, shape)
        case "function":
            return Array(kind, (below(shape),), draw(st.sampled_from(names)), shape)
        case "softmax":
            return Array(kind, (below(shape),), None, shape)
        case "row sums":
            return Array(
                kind, (draw(trees((rows, draw(st.sampled_from(SIDES))), 0 if calm else depth - 1)),), None, shape
            )
        case "column":
            return Array(kind, (below((rows, ONE)),), None, shape)
        case _:
            inside = (rows, draw(st.sampled_from(SIDES)))
            return Array("inverse", (draw(trees(inside, 0)) if calm else below(inside),), None, shape)


@st.composite
def models(draw: Any, depth: int = 4, calm: bool = False) -> Drawn:
    """The parts of a model."""
    sides = st.sampled_from([ONE, *SIDES])
    tree = draw(trees((draw(sides), draw(sides)), draw(st.integers(1, depth)), calm))
    kinds = ["sum", "sum", "squares"] + ["logdet"] * (tree.shape[0] != 1 and not calm)
    names = sorted(leaves(tree))
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    return Drawn(tree, draw(st.sampled_from(kinds)), tuple(leaves(tree)[name] for name in sorted(chosen)))


def build(drawn: Drawn, dialect: str) -> Model:
    """The model in a dialect: "matrix", "index", or "renamed", which is "index" with other indices and orders."""
    symbols_ = [matrix(parameter) for parameter in drawn.parameters]
    if dialect == "matrix":
        loss = matrix_loss(drawn.tree, drawn.loss)
    else:
        entries = Entries("nmkl") if dialect == "index" else Entries("qpsrz", backwards=True)
        loss = entries.loss(drawn.tree, drawn.loss)
    return Model(loss, symbols_, name="random")


@st.composite
def indexed_models(draw: Any) -> Callable[[], Model]:
    """How to make models that only index notation has: labels as subscripts, windows, recurrences, reductions."""
    E, x, y = IndexedBase("E", (K, M)), IndexedBase("x", (N,)), IndexedBase("y", (N + 1,))
    W, label = IndexedBase("W", (M,)), IndexedBase("label", (N,), integer=True)
    n, m, k, t = symbols("n m k t", integer=True)
    f, g = (FUNCTIONS[draw(st.sampled_from(sorted(FUNCTIONS)))] for _ in range(2))
    rows, columns = (n, 0, N - 1), (m, 0, M - 1)
    kind = draw(st.sampled_from(["gather", "window", "recurrence", "logsumexp", "maximum", "product", "pairs"]))
    match kind:
        case "gather":
            return partial(Model, Sum(f(E[label[n], m] * W[m]) * x[n], rows, columns), [E, W, x])
        case "window":
            return partial(Model, Sum(f(x[n + 1] - x[n]) * g(x[n]), (n, 0, N - 2)), [x])
        case "recurrence":
            h = IndexedBase("h", (N + 1,))
            step = f(h[t - 1] * W[0] + x[t - 1]) * sp.Rational(1, 2) + draw(st.sampled_from([0, 1])) * h[t - 1] / 3
            where = [sp.Eq(h[t], step), sp.Eq(h[0], y[0])]
            return partial(Model, Sum(g(h[n]), (n, 0, N)), [W, x, y], where=where)
        case "logsumexp":
            return partial(Model, Sum(LogSumExp(f(E[k, m]) + W[m], columns) * g(x[0] + k), (k, 0, K - 1)), [E, W, x])
        case "maximum":
            return partial(Model, Sum(g(MaxOver(f(E[k, m]) + E[k, m], columns)), (k, 0, K - 1)), [E])
        case "product":
            return partial(Model, sp.Product(f(x[n]) + 2, rows) + Sum(g(x[n]), rows), [x])
        case _:
            return partial(Model, Sum(f(x[n] - x[m]) * g(x[n]), rows, (m, 0, N - 1)), [x])
