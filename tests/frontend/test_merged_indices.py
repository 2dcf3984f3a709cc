"""Entries of Kronecker products, which SymPy writes with Mod and floor, are read as those of two matrices."""

import numpy as np
from sympy import IndexedBase, KroneckerProduct, MatrixSymbol, Mod, OneMatrix, Sum, floor, symbols

from symgrad import Model

D, K = symbols("D K", integer=True, positive=True)
i = symbols("i", integer=True)
A, B = MatrixSymbol("A", D, D), MatrixSymbol("B", K, K)


def test_an_entry_of_a_product_with_a_kronecker_product() -> None:
    whole = (OneMatrix(1, D * K) * KroneckerProduct(A, B) * OneMatrix(D * K, 1))[0, 0]
    model = Model(whole, [A])
    assert model.show().splitlines()[1::3] == ["    C = sum(A)·sum(B)", "    ∂C/∂A = sum(B)·𝟏𝟏ᵀ"]
    assert model.check().ok


def test_an_index_that_is_used_otherwise_stays() -> None:
    a, b, c = (IndexedBase(name, shape=(n,)) for name, n in zip("abc", (D, K, D * K), strict=True))
    loss = Sum(a[Mod(floor(i / K), D)] * b[Mod(i, K)] * c[i], (i, 0, D * K - 1))
    inputs = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 5.0, 7.0]), "c": np.arange(6.0)}
    value, gradient = Model(loss, [a]).compile(check=False).value_and_gradient(**inputs)
    each = [inputs["b"][k % 3] * inputs["c"][k] for k in range(6)]
    np.testing.assert_allclose(gradient.a, [sum(each[:3]), sum(each[3:])])
    np.testing.assert_allclose(value, sum(each[:3]) + 2 * sum(each[3:]))
