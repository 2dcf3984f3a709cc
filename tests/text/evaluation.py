"""An interpreter of syntax trees with NumPy, and differences of what it gives: it shares nothing with the compiler.

All values are arrays of two axes, but for those of symbols with more; a scalar is 1 x 1.
"""

import numpy as np
from scipy import special
from scipy.linalg import cholesky

from symgrad.text import tree

ENTRIES = {
    **{name: getattr(np, name) for name in ("exp", "expm1", "log", "log1p", "sign", "sqrt", "abs")},
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"a{name}": getattr(np, f"arc{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: getattr(special, name) for name in ("erf", "erfc", "gamma", "digamma", "ndtr", "log_ndtr")},
    "loggamma": special.gammaln,
    "sigmoid": special.expit,
    "log_sigmoid": special.log_expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: np.maximum(x, 0),
    "step": lambda x: (x > 0) * 1.0,
}
OVER = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "logsumexp": special.logsumexp}
NUMBERS = {
    **OVER,
    "mean": np.mean,
    "norm1": lambda A: np.abs(A).sum(),
    "norm2": lambda A: np.sqrt((A**2).sum()),
    "normF": lambda A: np.sqrt((A**2).sum()),
    "sumsq": lambda A: (A**2).sum(),
    "det": np.linalg.det,
    "logdet": lambda A: np.log(np.linalg.det(A)),
    "tr": np.trace,
    "rows": lambda A: A.shape[0],
    "columns": lambda A: A.shape[1],
    "numel": np.size,
}
ARRAYS = {
    "inv": np.linalg.inv,
    "cholesky": lambda A: cholesky((A + A.T) / 2, lower=True),
    "transpose": np.transpose,
    "diag": lambda A: np.diag(A.ravel()) if 1 in A.shape else np.diag(A)[:, None],
    "softmax": lambda A: special.softmax(A, axis=0 if A.shape[1] == 1 else 1),
}
OF_TWO = {
    "dot": lambda a, b: (a * b).sum(),
    "quad": lambda x, A: x.T @ A @ x,
    "max": np.maximum,
    "min": np.minimum,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "atan2": np.arctan2,
}
COMPARE = {"<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal, "==": np.equal}


class Interpreter:
    """Evaluates a program; `sizes` are those of the reading's names, `values` those of symbols."""

    def __init__(self, reading, sizes, values):
        self.reading, self.sizes, self.values = reading, sizes, dict(values)
        self.indices = {}

    def result(self):
        program = self.reading.program
        for definition in program.definitions:
            self.values[definition.name] = self.defined(definition)
        return self.of(program.result)

    def size(self, name):
        return int(name) if name.isdigit() else self.sizes[name]

    def defined(self, definition):
        if not definition.subscripts:
            return self.of(definition.value)
        lengths = [self.size(self.reading.length(name)) for name in definition.subscripts]
        made = np.zeros(lengths)
        for place in np.ndindex(*lengths):
            self.indices = dict(zip((name.text for name in definition.subscripts), place, strict=True))
            made[place] = self.of(definition.value).item()
        self.indices = {}
        return made if made.ndim == 2 else made[:, None]

    def of(self, node):
        value = getattr(self, type(node).__name__.lower())(node)
        return np.asarray(value, dtype=float).reshape(1, 1) if np.ndim(value) == 0 else value

    def shape(self, node):
        return [self.size(name) for name in self.reading.shape(node)]

    def number(self, node):
        return float(node.text)

    def name(self, node):
        if node.text in self.indices:
            return self.indices[node.text]
        if node.text in self.values:
            return self.values[node.text]
        if node.text == "eye":
            return np.eye(self.shape(node)[0])
        return np.pi if node.text == "pi" else self.size(node.text)

    def negative(self, node):
        return -self.of(node.operand)

    def transposed(self, node):
        return self.of(node.operand).T

    def binary(self, node):
        a, b = self.of(node.left), self.of(node.right)
        match node.operator:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b if 1 in (a.size, b.size) else a @ b
            case ".*":
                return a * b
            case "/" | "./":
                return a / b
            case ".^":
                return a**b
            case "^":
                return a**b if a.size == 1 else np.linalg.matrix_power(a, int(b.item()))

    def subscripted(self, node):
        base = self.values[node.base.text] if isinstance(node.base, tree.Name) else self.of(node.base)
        places = tuple(int(self.of(one).item()) for one in node.subscripts)
        return base.reshape(-1)[places] if len(places) == 1 else base[places]

    def reduction(self, node):
        before = dict(self.indices)
        entries = []
        for place in np.ndindex(*(self.size(self.reading.length(binder)) for binder in node.binders)):
            self.indices = {**before, **dict(zip((one.index for one in node.binders), place, strict=True))}
            entries.append(self.of(node.body).item())
        self.indices = before
        return OVER[node.kind](np.array(entries))

    def comparison(self, node):
        return COMPARE[node.operator](self.of(node.left), self.of(node.right))

    def call(self, node):
        name = node.function
        if name in ("vector", "matrix"):
            return np.full(self.shape(node), self.of(node.arguments[0]).item())
        if name == "if":
            return np.where(*map(self.of, node.arguments))
        given = [self.of(argument) for argument in node.arguments]
        return (OF_TWO if len(given) == 2 else ENTRIES | NUMBERS | ARRAYS)[name](*given)


def draw(symbol, sizes, rng):
    """Numbers for a symbol, away from kinks and singular matrices; positive and definite where it is said to be."""
    shape = [int(size) if size.isdigit() else sizes[size] for size in symbol.declared.sizes]
    shape = {"scalar": [1, 1], "vector": [*shape, 1], "row": [1, *shape]}.get(symbol.declared.kind, shape)
    values = rng.uniform(0.3, 1.2, shape)
    if "positive" not in symbol.declared.properties:
        values *= rng.choice([-1, 1], shape)
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        values += 2 * np.eye(shape[0])
    if symbol.declared.properties & {"symmetric", "definite"}:
        values = (values + values.T) / 2
    return values + 3 * np.eye(shape[0]) if "definite" in symbol.declared.properties else values


def differences(reading, sizes, values, by):
    """The gradient by central differences, of a symmetric matrix within those; errors are about 1e-10."""
    symmetric = {symbol.name for symbol in reading.symbols if symbol.declared.properties & {"symmetric", "definite"}}
    found = np.zeros(values[by].shape)
    for place in np.ndindex(*found.shape):
        direction = np.zeros(found.shape)
        direction[place] = 1
        direction = (direction + direction.T) / 2 if by in symmetric else direction
        step = 1e-5
        ends = [
            Interpreter(reading, sizes, {**values, by: values[by] + sign * step * direction}).result().item()
            for sign in (1, -1)
        ]
        found[place] = (ends[0] - ends[1]) / (2 * step)
    return found
