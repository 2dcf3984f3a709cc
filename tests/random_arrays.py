"""Random models: one tree of array operations, written out in index notation or with matrices.

An `Array` is a tree whose nodes have a shape of two sides. `matrix` and `Entries` write it in the two dialects;
`array_models` draws a tree and what number is made of it, and `written` makes a model's parts of these in a dialect.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from hypothesis import strategies as st
from sympy import DiagMatrix, HadamardProduct, Identity, MatrixSymbol, OneMatrix, Q, Sum, Symbol, symbols

from symgrad import Model, if_else, logdet, norm1, norm2, relu, sigmoid, softmax, softplus, total
from symgrad.matrix_functions import InverseEntry, LogDetOver

SIDES = N, M, K = symbols("N M K", integer=True, positive=True)
ONE = sp.Integer(1)
SCALE = Symbol("scale", real=True)

# first letters of square leaves that a fact is about
FACTS = {
    "P": Q.positive_definite,
    "S": Q.symmetric,
    "D": Q.diagonal,
    "L": Q.lower_triangular,
    "O": Q.orthogonal,
}

# names, each with the function of one entry
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": sp.sin,
    "tanh": sp.tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "relu": relu,
    "abs": sp.Abs,
    "cos": sp.cos,
    "atan": sp.atan,
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
    "fourth power": lambda u: u**4 / 4,
    "second branch": lambda u: if_else(SCALE < 0, 0, u),
    "first branch": lambda u: if_else(SCALE < 0, u, 0),
}

# SymPy evaluates some functions of these, sin(atan(u)) and exp(log(u)), if they are of numbers; of matrices it does not
EVALUATED = {"atan", "plain sigmoid", "log of plain sigmoid"}
# nor does it compare a matrix of one entry with a number, or take its absolute value
OF_NUMBERS = {"max", "condition", "abs"}
# and these are for numbers that are compared, not for forms: A B Bᵀ Aᵀ has another one than X Xᵀ with X = A B
NO_FORM = {"fourth power", "first branch", "second branch"}


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
        case "scaled":
            return sp.exp(SCALE) * parts[0]
        case "power":
            return parts[0] ** array.extra
        case "diagonal":
            return DiagMatrix(parts[0])
        case "inverse of a leaf":
            return parts[0].inverse()
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
            case "scaled":
                return sp.exp(SCALE) * part(0)
            case "power":
                rest = array.parts[0] if array.extra == 2 else Array("power", array.parts, 2, array.shape)
                return self.entry(Array("product", (array.parts[0], rest), None, array.shape), row, column)
            case "diagonal":
                return sp.KroneckerDelta(row, column) * part(0, row, 0)
            case "inverse of a leaf":
                i, j, side = self.fresh(), self.fresh(), array.shape[0]
                return InverseEntry(part(0, i, j), (i, 0, side - 1), (j, 0, side - 1), (row, column))
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
        if kind == "trace":
            return Sum(self.entry(array, i, i), (i, 0, rows - 1))
        limits = [(index, 0, side - 1) for index, side in ((i, rows), (j, columns)) if side != 1]
        body = self.entry(array, i if rows != 1 else 0, j if columns != 1 else 0)
        body = {"squares": body**2, "norm2": body**2, "norm1": sp.Abs(body)}.get(kind, body)
        if limits:
            body = Sum(body, *(reversed(limits) if self._backwards else limits))
        return sp.sqrt(body) if kind == "norm2" else body


# what has no index notation here: a number of a matrix and of a column beside it
WHOLE: dict[str, Callable[[Any, Any], Any]] = {
    "kronecker": lambda A, b: total(sp.KroneckerProduct(A, b, A.T).applyfunc(sp.sin)),
    "blocks": lambda A, b: total(sp.BlockMatrix([[A, b], [b.T * A, b.T * b]]).applyfunc(sp.tanh)),
    "block diagonal": lambda A, b: logdet(
        sp.BlockDiagMatrix(Identity(A.shape[0]) + A * A.T, 2 * Identity(b.shape[0]) + b * b.T)
    ),
    "schur": lambda A, b: (b.T * (Identity(A.shape[0]) + A * A.T) ** -2 * b)[0, 0],
    "det": lambda A, b: sp.Determinant(Identity(A.shape[0]) + A * A.T) * sp.Trace(b * b.T),
}


def matrix_loss(array: Array, kind: str) -> Any:
    """A number from the tree."""
    whole = matrix(array)
    rows = array.shape[0]
    if kind in WHOLE:
        return WHOLE[kind](whole, MatrixSymbol(f"b_{rows}", rows, 1))
    match kind:
        case "logdet":
            return logdet(Identity(rows) + whole * whole.T)
        case "squares":
            return total(HadamardProduct(whole, whole))
        case "trace":
            return sp.Trace(whole)
        case "norm2":
            return norm2(whole)
        case "norm1":
            return norm1(whole)
    return total(whole)


# --- drawing them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """The parts of a model, and the constructs it was made of."""

    loss: Any
    parameters: tuple[Any, ...]
    where: tuple[Any, ...]
    facts: tuple[Any, ...]
    tags: frozenset[str]

    def model(self) -> Model:
        return Model(self.loss, self.parameters, where=self.where, facts=self.facts, name="random")


@dataclass(frozen=True)
class ArrayModel:
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
def trees(draw: Any, shape: tuple[Any, Any], depth: int, one_form: bool = False) -> Array:
    """A tree of the shape; leaves are named after their shape, so that some occur twice.

    With `one_form` it is the same expression in every dialect.
    """
    rows, columns = shape
    if depth == 0 or draw(st.integers(0, 9)) == 0:
        if rows == columns == 1:  # SymPy takes a function of a matrix symbol of one entry for a function of a number
            return Array("product", (leaf("A_1N", (ONE, N)), leaf("A_N1", (N, ONE))), None, shape)
        letters = "AB" if rows != columns else "ABABPSDLO"
        return leaf(f"{draw(st.sampled_from(letters))}_{rows}{columns}", shape)
    kinds = ["sum", "hadamard", "product", "product", "transpose", "function", "function", "function"]
    kinds += ["softmax"] if columns != 1 else ["row sums"]
    kinds += ["column"] * (columns != 1) + ["inverse"] * (rows == columns != 1) + ["scaled"]
    kinds += ["power", "diagonal", "inverse of a leaf"] * (rows == columns != 1)
    kinds += ["exchanged", "exchanged"] * (rows == columns != 1 and not one_form)
    kind = draw(st.sampled_from(kinds))

    left_out = (OF_NUMBERS if rows == columns == 1 else set()) | (EVALUATED | NO_FORM if one_form else set())
    names = sorted(FUNCTIONS.keys() - left_out)

    def below(shape: tuple[Any, Any]) -> Array:
        return draw(trees(shape, depth - 1, one_form))

    match kind:
        case "sum":
            coefficients = draw(st.lists(st.sampled_from([1, 2, -1, -3, sp.Rational(1, 2)]), min_size=2, max_size=3))
            return Array(kind, tuple(below(shape) for _ in coefficients), tuple(coefficients), shape)
        case "exchanged":  # A ± Aᵀ, or a function of it
            part = below(shape)
            turned = Array("transpose", (part,), None, shape)
            whole = Array("sum", (part, turned), (ONE, draw(st.sampled_from([1, -1, -1])) * ONE), shape)
            return Array("function", (whole,), draw(st.sampled_from(names)), shape) if draw(st.booleans()) else whole
        case "hadamard":
            return Array(kind, (below(shape), below(shape)), None, shape)
        case "product":
            side = draw(st.sampled_from([ONE, *SIDES]))
            return Array(kind, (below((rows, side)), below((side, columns))), None, shape)
        case "transpose":
            return Array(kind, (below((columns, rows)),), None, shape)
        case "power":
            return Array(kind, (below(shape),), draw(st.sampled_from([2, 2, 3])), shape)
        case "diagonal":
            return Array(kind, (below((rows, ONE)),), None, shape)
        case "scaled":
            return Array(kind, (below(shape),), None, shape)
        case "inverse of a leaf":
            return Array(kind, (leaf(f"{draw(st.sampled_from('PP'))}_{rows}{columns}", shape),), None, shape)
        case "function":
            return Array(kind, (below(shape),), draw(st.sampled_from(names)), shape)
        case "softmax":
            return Array(kind, (below(shape),), None, shape)
        case "row sums":
            return Array(kind, (below((rows, draw(st.sampled_from(SIDES)))),), None, shape)
        case "column":
            return Array(kind, (below((rows, ONE)),), None, shape)
        case _:
            inside = (rows, draw(st.sampled_from(SIDES)))
            return Array("inverse", (below(inside),), None, shape)


def kinds_of(array: Array) -> set[str]:
    """The names of what the tree does."""
    return {array.kind}.union(*(kinds_of(part) for part in array.parts))


@st.composite
def array_models(draw: Any, depth: int = 4, one_form: bool = False) -> ArrayModel:
    """A tree and what number is made of it."""
    sides = st.sampled_from([ONE, *SIDES])
    tree = draw(trees((draw(sides), draw(sides)), draw(st.integers(1, depth)), one_form))
    rows, columns = tree.shape
    kinds = ["sum", "sum", "squares"]
    kinds += ["norm2", "norm1"] * ((rows, columns) != (1, 1)) + ["logdet", *WHOLE] * (rows != 1)
    kinds += ["trace", "trace"] * (rows == columns != 1)
    names = sorted(name for name in leaves(tree) if name[0] != "O")
    if not names:
        tree = Array("product", (tree, leaf("A_X", (columns, ONE))), None, (rows, ONE))
        names = ["A_X"]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    kind = draw(st.sampled_from(kinds))
    return ArrayModel(
        tree,
        kind if tree.shape[0] == tree.shape[1] or kind != "trace" else "sum",
        tuple(leaves(tree)[name] for name in sorted(chosen)),
    )


def written(drawn: ArrayModel, dialect: str) -> Drawn:
    """The model in a dialect: "matrix", "index", or "renamed", which is "index" with other indices and orders.

    What has no index notation is written with matrices in every dialect.
    """
    kinds = kinds_of(drawn.tree)
    if dialect == "matrix" or drawn.loss in WHOLE:
        loss = matrix_loss(drawn.tree, drawn.loss)
    else:
        entries = Entries("nmkl") if dialect == "index" else Entries("qpsrz", backwards=True)
        loss = entries.loss(drawn.tree, drawn.loss)
    parameters = [matrix(parameter) for parameter in drawn.parameters]
    if "scaled" in kinds:
        parameters.append(SCALE)
    facts = [
        FACTS[name[0]](matrix(array))
        for name, array in leaves(drawn.tree).items()
        if name[0] in FACTS and array.shape[0] == array.shape[1]
    ]
    return Drawn(loss, tuple(parameters), (), tuple(facts), frozenset(kinds | {drawn.loss}))
