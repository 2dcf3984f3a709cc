"""The identities of section 2 of The Matrix Cookbook, as data: the loss, the variable, and the book's formula."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import (
    Abs,
    Determinant,
    HadamardProduct,
    Identity,
    MatrixSymbol,
    Q,
    Symbol,
    Trace,
    log,
    sqrt,
    symbols,
)
from sympy.matrices.expressions.kronecker import KroneckerProduct

from symgrad import total

N, M, K = symbols("N M K", integer=True, positive=True)


def matrix(name, rows, columns):
    return MatrixSymbol(name, rows, columns)


X, A, B, C, D, W = (matrix(name, N, N) for name in "XABCDW")
Z = matrix("Z", N, M)  # the book's X where it need not be square
a, b, c, d, u, v, w = (matrix(name, N, 1) for name in "abcduvw")
s, x = Symbol("s", real=True), Symbol("x", real=True)
p = matrix("p", M, 1)
F, G, H = matrix("F", K, N), matrix("G", M, K), matrix("H", K, K)
P, R = matrix("P", K, N), matrix("R", M, K)
ONE = Identity(N)
Y = A + x * B


@dataclass(frozen=True)
class Record:
    """`book` is ∂loss/∂by as the book has it; `equation` its number there."""

    equation: str
    loss: Any
    by: Any
    book: Any
    facts: Sequence[Any] = field(default=())


def scalar(matrix):
    """The only entry of a 1 x 1 matrix."""
    return Trace(matrix)


SYMMETRIC = (Q.symmetric(B), Q.symmetric(C))

RECORDS = (
    # 2.1 determinants
    Record("46", Determinant(Y), x, Determinant(Y) * Trace(Y.I * B)),
    Record("49", Determinant(X), X, Determinant(X) * X.I.T),
    Record("51", Determinant(A * X * B), X, Determinant(A * X * B) * X.I.T),
    Record("52", Determinant(X.T * A * X), X, 2 * Determinant(X.T * A * X) * X.I.T),
    Record("53", Determinant(Z.T * C * Z), Z, 2 * Determinant(Z.T * C * Z) * C * Z * (Z.T * C * Z).I, SYMMETRIC),
    Record(
        "54",
        Determinant(Z.T * A * Z),
        Z,
        Determinant(Z.T * A * Z) * (A * Z * (Z.T * A * Z).I + A.T * Z * (Z.T * A.T * Z).I),
    ),
    Record("55", log(Determinant(Z.T * Z)), Z, 2 * Z * (Z.T * Z).I),
    Record("57", log(Abs(Determinant(X))), X, X.I.T),
    Record("58", Determinant(X**3), X, 3 * Determinant(X**3) * X.I.T),
    # 2.2 inverses
    Record("59", scalar(a.T * Y.I * b), x, -scalar(a.T * Y.I * B * Y.I * b)),
    Record("61", scalar(a.T * X.I * b), X, -X.I.T * a * b.T * X.I.T),
    Record("62", Determinant(X.I), X, -Determinant(X.I) * X.I.T),
    Record("63", Trace(A * X.I * B), X, -((X.I * B * A * X.I).T)),
    Record("64", Trace((X + A).I), X, -(((X + A).I * (X + A).I).T)),
    # 2.3 eigenvalues
    Record("65 sum of eigenvalues", Trace(X), X, ONE),
    Record("66 product of eigenvalues", Determinant(X), X, Determinant(X) * X.I.T),
    # 2.4.1 first order
    Record("69", scalar(w.T * a), w, a),
    Record("69 transposed", scalar(a.T * w), w, a),
    Record("70", scalar(a.T * Z * p), Z, a * p.T),
    Record("71", scalar(p.T * Z.T * a), Z, a * p.T),
    Record("72", scalar(a.T * X * a), X, a * a.T),
    Record("72 transposed", scalar(a.T * X.T * a), X, a * a.T),
    Record("73", scalar(a.T * X * b), X, a * b.T),
    Record("74", scalar(a.T * X * A * b), X, a * b.T * A.T),
    Record("75", scalar(a.T * X.T * A * b), X, A * b * a.T),
    # 2.4.2 second order
    Record("76", total(X) ** 2, X, 2 * total(X) * matrix("J", N, N)),
    Record("77", scalar(p.T * Z.T * Z * matrix("q", M, 1)), Z, Z * (p * matrix("q", M, 1).T + matrix("q", M, 1) * p.T)),
    Record(
        "78",
        scalar((B * w + b).T * C * (D * w + d)),
        w,
        B.T * C * (D * w + d) + D.T * C.T * (B * w + b),
    ),
    Record("79", scalar(a.T * X.T * B * X * b), X, B * X * b * a.T + B.T * X * a * b.T),
    Record("81", scalar(w.T * B * w), w, (B + B.T) * w),
    Record("82", scalar(b.T * X.T * D * X * c), X, D.T * X * b * c.T + D * X * c * b.T),
    Record("83", scalar((X * b + c).T * D * (X * b + c)), X, (D + D.T) * (X * b + c) * b.T),
    Record("84", scalar((w - A * v).T * W * (w - A * v)), v, -2 * A.T * W * (w - A * v), (Q.symmetric(W),)),
    Record("85", scalar((w - v).T * W * (w - v)), w, 2 * W * (w - v), (Q.symmetric(W),)),
    Record("86", scalar((w - v).T * W * (w - v)), v, -2 * W * (w - v), (Q.symmetric(W),)),
    Record("87", scalar((w - A * v).T * W * (w - A * v)), w, 2 * W * (w - A * v), (Q.symmetric(W),)),
    Record("88", scalar((w - A * v).T * W * (w - A * v)), A, -2 * W * (w - A * v) * v.T, (Q.symmetric(W),)),
    # 2.4.3 higher order
    Record("91", scalar(a.T * X**3 * b), X, a * b.T * (X**2).T + X.T * a * b.T * X.T + (X**2).T * a * b.T),
    Record("92", scalar(a.T * X.T * X * b), X, X * (a * b.T + b * a.T)),
    Record(  # n = 2; the first half of the book's sum is printed transposed there
        "92 squared",
        scalar(a.T * (X**2).T * X**2 * b),
        X,
        X**2 * b * a.T * X.T + X.T * X**2 * b * a.T + X**2 * a * b.T * X.T + X.T * X**2 * a * b.T,
    ),
    Record(
        "93",
        scalar((B * w).T * A * (D * w)),
        w,
        B.T * A * D * w + D.T * A.T * B * w,
    ),
    Record(
        "95",
        scalar(w.T * A.T * A * w) / scalar(w.T * B.T * B * w),
        w,
        2 * A.T * A * w / scalar(w.T * B.T * B * w)
        - 2 * scalar(w.T * A.T * A * w) * B.T * B * w / scalar(w.T * B.T * B * w) ** 2,
    ),
    # 2.4.4 gradient of a quadratic
    Record("97", scalar(w.T * A * w) + scalar(b.T * w), w, (A + A.T) * w + b),
    # 2.5.1 traces, first order
    Record("99", Trace(X), X, ONE),
    Record("100", Trace(X * A), X, A.T),
    Record("101", Trace(F * Z * G), Z, F.T * G.T),
    Record("102", Trace(R.T * Z.T * P.T), Z, P.T * R.T),
    Record("103", Trace(X.T * A), X, A),
    Record("104", Trace(A * X.T), X, A),
    Record("105", Trace(KroneckerProduct(A, X)), X, Trace(A) * ONE),
    # 2.5.2 second order
    Record("106", Trace(X**2), X, 2 * X.T),
    Record("107", Trace(X**2 * B), X, (X * B + B * X).T),
    Record("108", Trace(Z.T * B * Z), Z, B * Z + B.T * Z),
    Record("109", Trace(B * Z * Z.T), Z, B * Z + B.T * Z),
    Record("110", Trace(Z * Z.T * B), Z, B * Z + B.T * Z),
    Record("111", Trace(X * B * X.T), X, X * B.T + X * B),
    Record("112", Trace(B * X.T * X), X, X * B.T + X * B),
    Record("113", Trace(X.T * X * B), X, X * B.T + X * B),
    Record("114", Trace(A * X * B * X), X, A.T * X.T * B.T + B.T * X.T * A.T),
    Record("115", Trace(Z.T * Z), Z, 2 * Z),
    Record("116", Trace(B.T * X.T * C * X * B), X, C.T * X * B * B.T + C * X * B * B.T),
    Record("117", Trace(X.T * B * X * C), X, B * X * C + B.T * X * C.T),
    Record("118", Trace(A * X * B * X.T * C), X, A.T * C.T * X * B.T + C * A * X * B),
    Record("119", Trace((A * X * B + C) * (A * X * B + C).T), X, 2 * A.T * (A * X * B + C) * B.T),
    Record("120", Trace(KroneckerProduct(X, X)), X, 2 * Trace(X) * ONE),
    # 2.5.3 higher order
    Record("121", Trace(X**4), X, 4 * (X**3).T),
    Record("122", Trace(A * X**3), X, (A * X**2).T + (X * A * X).T + (X**2 * A).T),
    Record(
        "123",
        Trace(B.T * X.T * C * X * X.T * C * X * B),
        X,
        C * X * X.T * C * X * B * B.T
        + C.T * X * B * B.T * X.T * C.T * X
        + C * X * B * B.T * X.T * C * X
        + C.T * X * X.T * C.T * X * B * B.T,
    ),
    # 2.5.4 other
    Record("124", Trace(A * X.I * B), X, -X.I.T * A.T * B.T * X.I.T),
    Record(
        "125",
        Trace((Z.T * C * Z).I * matrix("E", M, M)),
        Z,
        -C * Z * (Z.T * C * Z).I * (matrix("E", M, M) + matrix("E", M, M).T) * (Z.T * C * Z).I,
        SYMMETRIC,
    ),
    Record(
        "126",
        Trace((Z.T * C * Z).I * (Z.T * B * Z)),
        Z,
        -2 * C * Z * (Z.T * C * Z).I * Z.T * B * Z * (Z.T * C * Z).I + 2 * B * Z * (Z.T * C * Z).I,
        SYMMETRIC,
    ),
    Record(
        "127",
        Trace((matrix("E", M, M) + Z.T * C * Z).I * (Z.T * B * Z)),
        Z,
        -2 * C * Z * (matrix("E", M, M) + Z.T * C * Z).I * Z.T * B * Z * (matrix("E", M, M) + Z.T * C * Z).I
        + 2 * B * Z * (matrix("E", M, M) + Z.T * C * Z).I,
        (*SYMMETRIC, Q.symmetric(matrix("E", M, M))),
    ),
    # 2.6 and 2.7 norms
    Record("129", sqrt(scalar((w - a).T * (w - a))), w, (w - a) / sqrt(scalar((w - a).T * (w - a)))),
    Record("131", scalar(w.T * w), w, 2 * w),
    Record("132", Trace(Z * Z.T), Z, 2 * Z),
    # 2.8 structured matrices
    Record("137", Trace(A * X * B), X, A.T * B.T),
    Record("142 diagonal", Trace(A * X), X, HadamardProduct(A, ONE), (Q.diagonal(X),)),
)

# 2.8.2: the book's derivative of a symmetric matrix is by its independent entries, G + Gᵀ - G∘ONE for the unconstrained
# G; symgrad's is the symmetric part of G. With the gradient S derived here the book's is 2S - S∘ONE.
SYMMETRIC_PARAMETER = (
    Record("139", Trace(A * X), X, A + A.T - HadamardProduct(A, ONE), (Q.symmetric(X),)),
    Record("140", Determinant(X), X, Determinant(X) * (2 * X.I - HadamardProduct(X.I, ONE)), (Q.symmetric(X),)),
    Record("141", log(Determinant(X)), X, 2 * X.I - HadamardProduct(X.I, ONE), (Q.positive_definite(X),)),
)
