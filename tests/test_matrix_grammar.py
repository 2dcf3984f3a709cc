"""What one may ask matrixcalculus.org for: expressions in its grammar, by its names, against JAX.

The grammar: + - * / ^ .* ./ .^ ' and sin cos tan arcsin arccos arctan exp log tanh abs sign relu sum norm1 norm2 tr
det logdet inv vector(1) eye. The names below are those of the page in SymPy's and in JAX's terms, so that an
expression reads the same on both sides.
"""

import numpy as np
import pytest
import sympy as sp
from sympy import MatrixSymbol, OneMatrix, Symbol, symbols

import symgrad
from symgrad import Model, total
from tests.families import one_in

N, M = symbols("N M", integer=True, positive=True)
SIZES = {N: 5, M: 3}
ENTRYWISE = {
    "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "arcsin": sp.asin, "arccos": sp.acos, "arctan": sp.atan, "exp": sp.exp,
    "log": sp.log, "tanh": sp.tanh, "abs": sp.Abs, "sign": sp.sign,
}  # fmt: skip
SYMBOLS = {
    "A": MatrixSymbol("A", N, N), "B": MatrixSymbol("B", N, N), "S": MatrixSymbol("S", N, N),
    "X": MatrixSymbol("X", N, M), "W": MatrixSymbol("W", N, M), "V": MatrixSymbol("V", M, M),
    "a": MatrixSymbol("a", N, 1), "b": MatrixSymbol("b", N, 1), "y": MatrixSymbol("y", N, 1),
    "w": MatrixSymbol("w", M, 1), "c": Symbol("c", real=True), "d": Symbol("d", real=True),
}  # fmt: skip


def entrywise(function):
    return lambda u: u.applyfunc(function) if getattr(u, "is_Matrix", False) else function(u)


def scalar(u):
    """The number that a 1 x 1 matrix is."""
    return sp.Trace(u) if getattr(u, "is_Matrix", False) else u


SYMPY = {name: entrywise(function) for name, function in ENTRYWISE.items()} | {
    "T": lambda u: u.T, "mul": sp.HadamardProduct, "div": lambda u, v: sp.HadamardProduct(u, sp.HadamardPower(v, -1)),
    "pow": sp.HadamardPower, "sum": total, "norm1": symgrad.norm1, "norm2": symgrad.norm2, "tr": sp.Trace,
    "det": sp.Determinant, "logdet": symgrad.logdet, "inv": lambda u: u.I, "diag": sp.DiagMatrix, "relu": symgrad.relu,
    "power": lambda u, n: u**n, "one": OneMatrix(N, 1), "eye": sp.Identity(N), "number": scalar,
}  # fmt: skip


def of_jax():
    """The same names in JAX."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    names = {name: getattr(jnp, name) for name in ENTRYWISE}
    return names | {
        "T": jnp.transpose, "mul": jnp.multiply, "div": jnp.divide, "pow": jnp.power, "sum": jnp.sum,
        "norm1": lambda u: jnp.sum(jnp.abs(u)), "norm2": lambda u: jnp.sqrt(jnp.sum(u**2)), "tr": jnp.trace,
        "det": jnp.linalg.det, "logdet": lambda u: jnp.linalg.slogdet(u)[1], "inv": jnp.linalg.inv,
        "diag": lambda u: jnp.diag(u[:, 0]), "relu": jax.nn.relu, "power": jnp.linalg.matrix_power,
        "one": jnp.ones((SIZES[N], 1)), "eye": jnp.eye(SIZES[N]), "number": jnp.sum,
    }, jax  # fmt: skip


# An expression, and what it is differentiated by. `T(x)` is the page's x', `mul`, `div` and `pow` its .* ./ .^, `@` its
# * between matrices, `power` its ^ of a matrix; `number` makes a number of a 1 x 1 matrix.
EXPRESSIONS = {
    # the page's own examples, in its spirit
    "T(a) @ A @ a": "a A",
    "norm2(A @ a - b)**2": "A a b",
    "norm2(A @ a - b)**2 / 2 + c * norm1(a)": "a c",
    "sum(log(exp(-mul(y, X @ w)) + one))": "w X",
    "norm2(A - X @ T(W))**2": "X W",
    "tr(T(X) @ A @ X)": "X A",
    "log(det(S))": "S",
    "number(T(a) @ inv(S) @ a) + logdet(S)": "S a",
    "norm2(X @ w - y)": "w y",
    "sum(relu(one - mul(y, X @ w))) + c * norm2(w)**2": "w c",
    "exp(-number(T(a) @ a))": "a",
    "1 / (1 + exp(-number(T(a) @ b) - c))": "a b c",
    "log(number(T(a) @ S @ a))": "a S",
    "number(T(a) @ A @ a) / number(T(a) @ a)": "a A",
    "norm2(X @ V @ T(X) - A)**2": "V X",
    # each operation and function by itself, and inside of another
    "sum(A @ B + B - A)": "A B",
    "sum(A) / sum(B)": "A B",
    "tr(power(A, 3) @ B)": "A B",
    "sum(power(A, 2)) + sum(power(A, -2))": "A",
    "sum(mul(A, B @ A))": "A B",
    "sum(div(A @ a, one + pow(b, 2)))": "a b A",
    "sum(pow(A, 3)) - c * sum(pow(a, 2))": "A a c",
    "sum(pow(exp(a), b))": "a b",
    "sum(sin(A @ a) + cos(b))": "A a b",
    "sum(tan(a / 4))": "a",
    "sum(arcsin(tanh(a)) + arccos(tanh(b) / 2))": "a b",
    "sum(arctan(A @ a))": "a A",
    "sum(mul(exp(-abs(a)), b))": "a b",
    "sum(log(abs(A @ a)))": "a A",
    "sum(mul(sign(A @ a), b))": "a b",
    "norm1(A @ X)": "A X",
    "norm1(a) * norm2(b)": "a b",
    "det(A) + det(A @ B)": "A B",
    "det(T(X) @ X)": "X",
    "logdet(T(X) @ X) + tr(inv(T(X) @ X))": "X",
    "logdet(S + c**2 * eye) + number(T(a) @ inv(S + c**2 * eye) @ a)": "S c a",
    "tr(inv(A) @ B @ inv(A))": "A B",
    "T(a) @ inv(A @ B) @ b": "A B a b",
    "tr(diag(exp(a)) @ A @ diag(b))": "a b A",
    "sum(diag(a) @ X @ w)": "a X w",
    "T(one) @ A @ one": "A",
    "norm2(inv(A) @ a) / (c**2 + d**2)": "A a c d",
    "tr((A - eye) @ T(A - eye))": "A",
    "sin(c * number(T(a) @ b))**2 * tanh(d)": "a b c d",
    "c * sum(relu(A @ relu(B @ a)))": "A B a c",
    "sum(X @ exp(T(X) @ a)) - log(sum(exp(A @ a)))": "X a A",
    "norm2(A @ X @ T(X) @ T(A))": "A X",
}


def arrays(names):
    rng = np.random.default_rng(11)
    made = {}
    for name, symbol in SYMBOLS.items():
        shape = tuple(SIZES[side] if side in SIZES else int(side) for side in getattr(symbol, "shape", ()))
        made[name] = rng.standard_normal(shape) / 2
    made["A"] += 2 * np.eye(5)
    made["B"] += 2 * np.eye(5)
    made["S"] = made["S"] @ made["S"].T + np.eye(5)
    made["y"] = np.sign(made["y"])
    return {name: made[name] for name in names}


@pytest.mark.parametrize("expression", one_in(12, EXPRESSIONS))
def test_an_expression_of_the_grammar(expression):
    parameters = EXPRESSIONS[expression].split()
    loss = scalar(eval(expression.replace("@", "*"), {"__builtins__": {}}, SYMPY | SYMBOLS))
    model = Model(loss, [SYMBOLS[name] for name in parameters])
    given = arrays([argument.name for argument in model.arguments if argument.name in SYMBOLS])
    known = {argument.name: SIZES[argument.symbol] for argument in model.arguments if argument.role == "dimension"}
    value, gradient = model.compile(check=False).value_and_gradient(**given, **known)

    names, jax = of_jax()

    def reference(*moved):
        return names["sum"](
            eval(expression, {"__builtins__": {}}, names | given | dict(zip(parameters, moved, strict=True)))
        )

    slope = jax.jit(jax.value_and_grad(reference, tuple(range(len(parameters)))))
    expected, slopes = slope(*(given[p] for p in parameters))
    assert np.isclose(value, expected, rtol=1e-9)
    for found, wanted in zip(gradient, slopes, strict=True):
        assert np.allclose(found, wanted, rtol=0, atol=1e-9 * max(1e-3, np.max(np.abs(wanted))))
