"""Terms of every kind of node, and inputs at which they are smooth."""

import numpy as np
from sympy import Gt, IndexedBase, Max, Pow, Product, S, sin

from symgrad.functions import LogSumExp, MaxOver, MinOver, if_else
from symgrad.graph.build import (
    CHOLESKY,
    DET,
    INVERSE,
    LOG_ABS_DET,
    LOG_SOFTMAX,
    LOGDET,
    PRODUCT_OF_OTHERS,
    SIGN_DET,
    SOFTMAX,
    ZERO,
    add,
    apply,
    auxiliary,
    axis_map,
    gather,
    index,
    matrix_function,
    merge,
    mul,
    product_of_powers,
    reduce,
    scatter,
    size,
    split,
)
from symgrad.graph.nodes import Input, Use, intern

from .random_terms import ARGUMENTS, N

LONG = intern(Input, (N**2,), "long", IndexedBase("long"), False)


def of(name, *letters):
    return Use(ARGUMENTS[name], letters)


A, D, x, y, p = of("A", "i", "j"), of("D", "i", "j"), of("x", "i"), of("y", "i"), of("p", "i")
c = of("c", "i")
above = apply(Gt, [x, y])
matrix = add([(S.One, A), (S(4), D)])
sides = {"i": N, "j": N}

# a term of every kind and head that has a derivative, of arguments themselves
SAMPLES = {
    "sum": add([(S(2), x), (S.NegativeOne, of("A", "i", "i")), (S.One, of("s"))]),
    "product": mul([x, of("A", "i", "k"), of("A", "k", "j"), of("s")], {"k": N}),
    "trace": mul([A, of("A", "k", "k")], {"k": N}),
    "powers": product_of_powers([(p, S(-2)), (x, S(3)), (of("p", "j"), S.Half)]),
    "norm": product_of_powers([(mul([product_of_powers([(A, S(2))])], {"j": N}), S.Half)]),
    "sum of what lacks the letter": mul([x, of("y", "j"), size(N)], {"j": N}),
    "function": apply(sin, [A]),
    "power to an array": apply(Pow, [p, of("x", "j")]),
    "larger": apply(Max, [x, of("y", "j")]),
    "branches": apply(if_else, [above, mul([x, A]), y]),
    "a branch": apply(if_else, [above, ZERO, A]),
    "logsumexp": reduce(LogSumExp, A, {"j": N}),
    "product over an index": reduce(Product, A, {"i": N}),
    "largest": reduce(MaxOver, of("T", "i", "k", "j"), {"k": N, "i": N}),
    "least": reduce(MinOver, A, sides),
    "softmax": axis_map(SOFTMAX, A, {"j": N}),
    "softmax over both": axis_map(SOFTMAX, A, sides),
    "log-softmax": axis_map(LOG_SOFTMAX, of("T", "i", "j", "k"), {"i": N, "k": N}),
    "products of others": axis_map(PRODUCT_OF_OTHERS, of("T", "i", "j", "k"), {"i": N, "k": N}),
    "inverse": matrix_function(INVERSE, matrix, "i", "j", N),
    "inverses": matrix_function(INVERSE, add([(S.One, of("T", "j", "k", "i")), (S(4), D)]), "i", "j", N),
    "determinant": matrix_function(DET, matrix, "i", "j", N),
    "log-determinant": matrix_function(LOGDET, matrix, "i", "j", N),
    "log-determinants": matrix_function(LOG_ABS_DET, of("T", "i", "k", "j"), "i", "j", N),
    "sign of a determinant": matrix_function(SIGN_DET, matrix, "i", "j", N),
    "triangular factor": matrix_function(CHOLESKY, matrix, "i", "j", N),
    "triangular factors": matrix_function(CHOLESKY, add([(S.One, of("T", "k", "j", "i")), (S(9), D)]), "i", "j", N),
    "merged": merge(of("T", "j", "i", "k"), "i", "k", "m", (N, N)),
    "split": split(Use(LONG, ("m",)), "m", "k", "l", (N, N)),
    "entries": gather(of("T", 0, 1, 2), [c, of("c", "j"), of("c", "i")]),
    "entries at an index": gather(of("A", 0, 1), [of("c", "j"), index("i", N)]),
    "added into zeros": scatter(A, [c], (N,), ["k"], sides),
    "added in a row": scatter(A, [c, index("j", N)], (N, N), ["k", "l"], sides),
    "name": auxiliary("name", A),
}


def values(seed: int) -> dict[str, object]:
    """Inputs without ties or zeros, away from kinks."""
    rng = np.random.default_rng(seed)
    made: dict[str, object] = {"long": rng.uniform(-2, 2, 9)}
    made |= {name: rng.uniform(-2, 2, (3,) * node.rank) for name, node in ARGUMENTS.items()}
    made["B"] = made["B"] + made["B"].T
    made["D"] = made["D"] @ made["D"].T + np.eye(3)
    return made | {"p": np.abs(made["p"]) + 0.5, "c": rng.integers(0, 3, 3)}
