"""Expected sizes: they decide in which order products are taken, and wrong ones are refused."""

import numpy as np
import pytest
from sympy import Abs, IndexedBase, Sum, Symbol, cos, log, symbols

from symgrad import Model, ModelError

N, M, K, L = symbols("N M K L", integer=True, positive=True)
n, m, k, l = symbols("n m k l", integer=True)  # noqa: E741
A, B, C, D = (
    IndexedBase(name, shape=sides) for name, sides in zip("ABCD", [(N, M), (M, K), (K, L), (N, L)], strict=True)
)
LOSS = Sum(
    D[n, l] * A[n, m] * B[m, k] * C[k, l], (n, 0, N - 1), (m, 0, M - 1), (k, 0, K - 1), (l, 0, L - 1)
)  # fmt: skip
LEFT, RIGHT = {N: 2, M: 1000, K: 1000, L: 1000}, {N: 1000, M: 1000, K: 1000, L: 2}


def model(**given):
    return Model(LOSS, [D], **given)


def test_products_are_taken_in_the_order_that_is_fast_for_the_sizes():
    assert "grad_D = A @ B @ C" in model(sizes=LEFT).source()
    assert "grad_D = A @ (B @ C)" in model(sizes=RIGHT).source()
    assert "grad_D = A @ (B @ C)" in model(sizes={str(d): np.int64(size) for d, size in RIGHT.items()}).source()


def test_the_hessians_products_too():
    x = IndexedBase("x", shape=(N,))
    P, Q, R = (IndexedBase(name, shape=sides) for name, sides in zip("PQR", [(N, M), (M, K), (N, K)], strict=True))
    loss = Sum(x[n] * x[m] * P[n, k] * Q[k, l] * R[m, l], (n, 0, N - 1), (m, 0, N - 1), (k, 0, M - 1), (l, 0, K - 1))
    narrow, wide = (
        Model(loss, [x], sizes=sizes).source(hessian=True)
        for sizes in ({N: 2, M: 1000, K: 1000}, {N: 1000, M: 1000, K: 2})
    )
    assert narrow[narrow.index("def hessian") :] != wide[wide.index("def hessian") :]


def test_a_module_says_what_it_expects_and_serves_other_sizes():
    assert "Products are ordered for N = 2, M = 1000, K = 1000, L = 1000." in model(sizes=LEFT).source()
    assert "Products are ordered" not in model().source()
    assert model(sizes=LEFT).check().ok


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({Symbol("Q", integer=True, positive=True): 3}, "Q .* is no dimension of the model; they are N, "),
        ({"Q": 3}, "'Q' .* is no dimension"),
        ({n: 3}, "n .* is no dimension"),
        ({N: 0}, r"sizes\[N\] is 0 .*; give a positive integer"),
        ({N: -2}, "give a positive integer"),
        ({N: 2.5}, "give a positive integer"),
        ({N: True}, "give a positive integer"),
        ({N: M}, "give a positive integer"),
        ({N: "3"}, "give a positive integer"),
        ({N: 3, "N": 4}, "given twice"),
        ([N, 3], "give a dictionary"),
        (None, "give a dictionary"),
    ],
)
def test_wrong_sizes_are_refused(sizes, message):
    with pytest.raises(ModelError, match=message):
        model(sizes=sizes)


def test_a_model_without_dimensions_has_none_to_expect():
    x = Symbol("x")
    with pytest.raises(ModelError, match="it has none"):
        Model(x**2, [x], sizes={N: 3})


@pytest.mark.parametrize("divisor", [log(N), cos(N) + 2, Abs(N - 2), N / 2 - 1])
def test_functions_of_sizes_divide(divisor):
    x, scale = IndexedBase("x", shape=(N,)), Symbol("scale")
    module = Model(Sum(scale * x[n] / divisor, (n, 0, N - 1)), [scale]).compile()
    assert module.value(1.0, np.ones(4)) == pytest.approx(4 / float(divisor.subs(N, 4)), rel=1e-15)
