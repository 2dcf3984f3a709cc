"""The identities of section 2 of The Matrix Cookbook, as data: the loss, the variable, and the book's formula.

Numbers are those of the version of 15 November 2012. Where the book has a power k or n, there is a record for each of
several. `ELSEWHERE` says of every equation from 46 to 144 that is not among the records where it is tested, or why not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import (
    Abs,
    Determinant,
    DiagMatrix,
    HadamardProduct,
    Identity,
    MatMul,
    MatrixSymbol,
    Q,
    Symbol,
    Trace,
    cos,
    exp,
    log,
    sin,
    sqrt,
    symbols,
)
from sympy.matrices.expressions.kronecker import KroneckerProduct

from symgrad import logdet, norm2, total

N, M, K = symbols("N M K", integer=True, positive=True)


def matrix(name, rows, columns):
    return MatrixSymbol(name, rows, columns)


X, A, B, C, D, W = (matrix(name, N, N) for name in "XABCDW")
Z = matrix("Z", N, M)  # the book's X where it need not be square
P = matrix("P", M, N)  # the pseudo-inverse of X, when that is the variable
a, b, c, d, u, v, w = (matrix(name, N, 1) for name in "abcduvw")
s, x = Symbol("s", real=True), Symbol("x", real=True)
p, q = matrix("p", M, 1), matrix("q", M, 1)
E = matrix("E", M, M)
F, G = matrix("F", K, N), matrix("G", M, K)
H, L, R = matrix("H", K, M), matrix("L", K, K), matrix("R", N, K)
ONE, ALL = Identity(N), matrix("J", N, N)  # J: all ones
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


def times(number, matrix):
    """number·matrix as it stands: SymPy's * makes det(A B) in front of a matrix det(A) det(B), other than the book."""
    return MatMul(number, matrix)


def plus(terms):
    """The sum of matrices."""
    first, *others = terms
    for other in others:
        first = first + other
    return first


def power(base, exponent):
    """A power of a matrix, the identity for 0."""
    return base**exponent if exponent else Identity(base.shape[0])


def bilinear_power(n):
    """aᵀ Xⁿ b and the book's derivative."""
    terms = [power(X.T, r) * a * b.T * power(X.T, n - 1 - r) for r in range(n)]
    return Record(f"91, n = {n}", scalar(a.T * X**n * b), X, plus(terms))


def squared_power(n):
    """aᵀ (Xⁿ)ᵀ Xⁿ b. The first half of the sum is printed in the book as if it were transposed."""
    first = [power(X.T, r) * X**n * b * a.T * power(X.T, n - 1 - r) for r in range(n)]
    second = [power(X.T, r) * X**n * a * b.T * power(X.T, n - 1 - r) for r in range(n)]
    return Record(f"92, n = {n}", scalar(a.T * (X**n).T * X**n * b), X, plus([*first, *second]))


def trace_power(k):
    """tr(A X^k) and the book's derivative."""
    terms = [(power(X, r) * A * power(X, k - 1 - r)).T for r in range(k)]
    return Record(f"122, k = {k}", Trace(A * X**k), X, plus(terms))


SYMMETRIC = (Q.symmetric(B), Q.symmetric(C))
W_IS_SYMMETRIC = (Q.symmetric(W),)
GRAM = Z.T * C * Z
SHIFTED = E + GRAM
Q_OF = {"a": scalar(w.T * A.T * A * w), "b": scalar(w.T * B.T * B * w)}

RECORDS = (
    # 2.1 determinants
    Record("46", Determinant(Y), x, Determinant(Y) * Trace(Y.I * B)),
    Record("49", Determinant(X), X, Determinant(X) * X.I.T),
    Record("51", Determinant(A * X * B), X, times(Determinant(A * X * B), X.I.T)),
    Record("52", Determinant(X.T * A * X), X, times(2 * Determinant(X.T * A * X), X.I.T)),
    Record("53", Determinant(GRAM), Z, times(2 * Determinant(GRAM), C * Z * GRAM.I), SYMMETRIC),
    Record(
        "54",
        Determinant(Z.T * A * Z),
        Z,
        times(Determinant(Z.T * A * Z), A * Z * (Z.T * A * Z).I + A.T * Z * (Z.T * A.T * Z).I),
    ),
    # the book writes the pseudo-inverse: of a matrix with independent columns it is (XᵀX)⁻¹Xᵀ, of rows Xᵀ(XXᵀ)⁻¹
    Record("55", log(Determinant(Z.T * Z)), Z, 2 * Z * (Z.T * Z).I),
    Record("56", log(Determinant((P.T * (P * P.T).I).T * (P.T * (P * P.T).I))), P, -2 * (P * P.T).I * P),
    Record("57", log(Abs(Determinant(X))), X, X.I.T),
    *(Record(f"58, k = {k}", Determinant(X**k), X, times(k * Determinant(X**k), X.I.T)) for k in (2, 3, 4, -1, -2)),
    # 2.2 inverses
    Record("59", scalar(a.T * Y.I * b), x, -scalar(a.T * Y.I * B * Y.I * b)),
    Record("61", scalar(a.T * X.I * b), X, -X.I.T * a * b.T * X.I.T),
    Record("62", Determinant(X.I), X, times(-Determinant(X.I), X.I.T)),
    Record("63", Trace(A * X.I * B), X, -((X.I * B * A * X.I).T)),
    Record("64", Trace((X + A).I), X, -(((X + A).I * (X + A).I).T)),
    # 2.3 eigenvalues
    Record("65, the sum of the eigenvalues", Trace(X), X, ONE),
    Record("66, the product of the eigenvalues", Determinant(X), X, Determinant(X) * X.I.T),
    # 2.4.1 first order
    Record("69", scalar(w.T * a), w, a),
    Record("69, transposed", scalar(a.T * w), w, a),
    Record("70", scalar(a.T * Z * p), Z, a * p.T),
    Record("71", scalar(p.T * Z.T * a), Z, a * p.T),
    Record("72", scalar(a.T * X * a), X, a * a.T),
    Record("72, transposed", scalar(a.T * X.T * a), X, a * a.T),
    # 2.4.2 second order
    Record("76", total(X) ** 2, X, 2 * total(X) * ALL),
    Record("77", scalar(p.T * Z.T * Z * q), Z, Z * (p * q.T + q * p.T)),
    Record("78", scalar((B * w + b).T * C * (D * w + d)), w, B.T * C * (D * w + d) + D.T * C.T * (B * w + b)),
    Record("81", scalar(w.T * B * w), w, (B + B.T) * w),
    Record("82", scalar(p.T * Z.T * D * Z * q), Z, D.T * Z * p * q.T + D * Z * q * p.T),
    Record("83", scalar((Z * p + c).T * D * (Z * p + c)), Z, (D + D.T) * (Z * p + c) * p.T),
    Record("84", scalar((w - A * v).T * W * (w - A * v)), v, -2 * A.T * W * (w - A * v), W_IS_SYMMETRIC),
    Record("85", scalar((w - v).T * W * (w - v)), w, 2 * W * (w - v), W_IS_SYMMETRIC),
    Record("86", scalar((w - v).T * W * (w - v)), v, -2 * W * (w - v), W_IS_SYMMETRIC),
    Record("87", scalar((w - A * v).T * W * (w - A * v)), w, 2 * W * (w - A * v), W_IS_SYMMETRIC),
    Record("88", scalar((w - A * v).T * W * (w - A * v)), A, -2 * W * (w - A * v) * v.T, W_IS_SYMMETRIC),
    Record("89, of real numbers", (s - scalar(w.T * b)) ** 2, w, -2 * b * (s - scalar(w.T * b))),
    # 2.4.3 higher order
    *(bilinear_power(n) for n in (1, 2, 3, 4)),
    *(squared_power(n) for n in (1, 2)),
    Record("93, s = Bx and r = Dx", scalar((B * w).T * A * (D * w)), w, B.T * A * D * w + D.T * A.T * B * w),
    Record(
        "93, s = sin(Bx) and r = exp(Dx)",
        scalar((B * w).applyfunc(sin).T * A * (D * w).applyfunc(exp)),
        w,
        (DiagMatrix((B * w).applyfunc(cos)) * B).T * A * (D * w).applyfunc(exp)
        + (DiagMatrix((D * w).applyfunc(exp)) * D).T * A.T * (B * w).applyfunc(sin),
    ),
    Record(
        "94 and 95",
        scalar((A * w).T * (A * w)) / scalar((B * w).T * (B * w)),
        w,
        2 * A.T * A * w / Q_OF["b"] - 2 * Q_OF["a"] * B.T * B * w / Q_OF["b"] ** 2,
    ),
    Record(
        "95, multiplied out",
        Q_OF["a"] / Q_OF["b"],
        w,
        2 * A.T * A * w / Q_OF["b"] - 2 * Q_OF["a"] * B.T * B * w / Q_OF["b"] ** 2,
    ),
    # 2.4.4 gradient of a quadratic
    Record("97", scalar(w.T * A * w) + scalar(b.T * w), w, (A + A.T) * w + b),
    # 2.5 traces of functions: tr F(X) has the derivative f(X)ᵀ
    Record("before 99, F = X³ + 2X", Trace(X**3 + 2 * X), X, 3 * (X**2).T + 2 * ONE),
    Record("before 99, F = 1/X", Trace(X.I), X, -((X.I * X.I).T)),
    # 2.5.1 first order
    Record("99", Trace(X), X, ONE),
    Record("100", Trace(X * A), X, A.T),
    Record("101", Trace(F * Z * G), Z, F.T * G.T),
    Record("102", Trace(H * Z.T * R), Z, R * H),
    Record("103", Trace(X.T * A), X, A),
    Record("104", Trace(A * X.T), X, A),
    Record("105", Trace(KroneckerProduct(A, X)), X, Trace(A) * ONE),
    # 2.5.2 second order
    Record("106", Trace(X**2), X, 2 * X.T),
    Record("107", Trace(X**2 * B), X, (X * B + B * X).T),
    Record("108", Trace(Z.T * B * Z), Z, B * Z + B.T * Z),
    Record("109", Trace(B * Z * Z.T), Z, B * Z + B.T * Z),
    Record("110", Trace(Z * Z.T * B), Z, B * Z + B.T * Z),
    Record("111", Trace(Z * E * Z.T), Z, Z * E.T + Z * E),
    Record("112", Trace(E * Z.T * Z), Z, Z * E.T + Z * E),
    Record("113", Trace(Z.T * Z * E), Z, Z * E.T + Z * E),
    Record("114", Trace(A * X * B * X), X, A.T * X.T * B.T + B.T * X.T * A.T),
    Record("115", Trace(Z.T * Z), Z, 2 * Z),
    Record("115, transposed", Trace(Z * Z.T), Z, 2 * Z),
    Record("116", Trace(G.T * Z.T * C * Z * G), Z, C.T * Z * G * G.T + C * Z * G * G.T),
    Record("117", Trace(Z.T * B * Z * E), Z, B * Z * E + B.T * Z * E.T),
    Record("118", Trace(F * Z * E * Z.T * R), Z, F.T * R.T * Z * E.T + R * F * Z * E),
    Record("119", Trace((F * Z * G + L) * (F * Z * G + L).T), Z, 2 * F.T * (F * Z * G + L) * G.T),
    Record("120", Trace(KroneckerProduct(X, X)), X, 2 * Trace(X) * ONE),
    Record("120, multiplied out", Trace(X) * Trace(X), X, 2 * Trace(X) * ONE),
    # 2.5.3 higher order
    *(Record(f"121, k = {k}", Trace(X**k), X, k * power(X, k - 1).T) for k in (1, 2, 3, 4, 7, -1, -2)),
    *(trace_power(k) for k in (1, 2, 3, 4)),
    Record(
        "123",
        Trace(G.T * Z.T * C * Z * Z.T * C * Z * G),
        Z,
        C * Z * Z.T * C * Z * G * G.T
        + C.T * Z * G * G.T * Z.T * C.T * Z
        + C * Z * G * G.T * Z.T * C * Z
        + C.T * Z * Z.T * C.T * Z * G * G.T,
    ),
    # 2.5.4 other
    Record("124", Trace(A * X.I * B), X, -X.I.T * A.T * B.T * X.I.T),
    Record("125", Trace(GRAM.I * E), Z, -(C * Z * GRAM.I) * (E + E.T) * GRAM.I, SYMMETRIC),
    Record(
        "126",
        Trace(GRAM.I * (Z.T * B * Z)),
        Z,
        -2 * C * Z * GRAM.I * Z.T * B * Z * GRAM.I + 2 * B * Z * GRAM.I,
        SYMMETRIC,
    ),
    Record(  # the book does not say it, but needs A to be symmetric, too
        "127",
        Trace(SHIFTED.I * (Z.T * B * Z)),
        Z,
        -2 * C * Z * SHIFTED.I * Z.T * B * Z * SHIFTED.I + 2 * B * Z * SHIFTED.I,
        (*SYMMETRIC, Q.symmetric(E)),
    ),
    # 2.6 and 2.7 norms
    Record("129", norm2(w - a), w, (w - a) / sqrt(scalar((w - a).T * (w - a)))),
    Record("131", norm2(w) ** 2, w, 2 * w),
    Record("131, of one entry", norm2(w.T * w), w, 2 * w),
    Record("132", norm2(Z) ** 2, Z, 2 * Z),
    Record("132, as a trace", Trace(Z * Z.T), Z, 2 * Z),
    # 2.8.3 diagonal
    Record("142", Trace(A * X), X, HadamardProduct(A, ONE), (Q.diagonal(X),)),
)

# 2.8.2: the book's derivative of a symmetric matrix is by its independent entries, G + Gᵀ - G∘I for the unconstrained
# G (138); symgrad's is the symmetric part of G. With the gradient S derived here the book's is 2S - S∘I.
SYMMETRIC_PARAMETER = (
    Record("139", Trace(A * X), X, A + A.T - HadamardProduct(A, ONE), (Q.symmetric(X),)),
    Record("140", Determinant(X), X, Determinant(X) * (2 * X.I - HadamardProduct(X.I, ONE)), (Q.symmetric(X),)),
    Record("141", logdet(X), X, 2 * X.I - HadamardProduct(X.I, ONE), (Q.positive_definite(X),)),
)

ELSEWHERE = {
    "47, 50": "a property of ∂det(X)/∂X: test_a_property_of_the_derivative_of_a_determinant",
    "48, 98": "second derivatives of a scalar: test_second_derivatives",
    "60, 73, 74, 75, 79, 80, 90, 130": "derivatives of a matrix or a vector: test_derivatives_of_a_matrix",
    "67, 68": "one eigenvalue and its eigenvector: SymPy has no notation for those of a matrix of symbolic size",
    "89": "complex numbers: models are real; of real numbers it is among the records",
    "96": "no identity: it names the function that 97 and 98 differentiate",
    "128": "tr sin(X) with the sine of a matrix: an error that says so: test_functions_of_matrices_are_errors",
    "133, 134": "no identities: the definition of a structure matrix",
    "135, 136, 137": "the chain rule: test_the_chain_rule",
    "138": "the rule behind 139-141: test_an_identity_for_a_symmetric_matrix",
    "143, 144": "Toeplitz matrices: test_a_toeplitz_matrix",
}
