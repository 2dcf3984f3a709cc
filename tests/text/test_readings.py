"""The shapes of symbols: what follows from the formula, what is asked about, and what does not fit."""

import pytest

from symgrad import FormulaError
from symgrad.text.reading import read
from symgrad.text.readings import reading, readings


def shapes(text, **choices):
    return "; ".join(symbol.text for symbol in reading(read(text), choices).symbols)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("norm2(X*w - y)^2 + lambda*w'*w", "X: matrix(N, M); w: vector(M); y: vector(N); lambda: scalar"),
        ("sum(log(1 + exp(-y .* (X*w)))) + l*norm2(w)^2", "y: vector(N); X: matrix(N, M); w: vector(M); l: scalar"),
        ("a'*X*b", "a: vector(N); X: matrix(N, M); b: vector(M)"),
        ("x'*A*x + c'*x + b", "x: vector(N); A: matrix(N, N); c: vector(N); b: scalar"),
        ("x^2 + y^2", "x: scalar; y: scalar"),
        ("norm2(x - mean(x))", "x: vector(N)"),
        ("sum[i,j] A[i,j]*x[j]*y[i]", "A: matrix(N, M); x: vector(M); y: vector(N)"),
        ("sum[i,j,k] T[i,j,k]*a[i]", "T: array(N, M, K); a: vector(N)"),
        ("r[i] = sum[j] X[i,j]*w[j] - y[i]\nnorm2(r)^2", "X: matrix(N, M); w: vector(M); y: vector(N)"),
        ("tr(A*X*B)", "A: matrix(N, M); X: matrix(M, K); B: matrix(K, N)"),
        ("mu'*inv(Sigma)*mu", "mu: vector(N); Sigma: matrix(N, N)"),
        ("A*x", "A: matrix(N, M); x: vector(M)"),
        ("diag(x)*A*y", "x: vector(N); A: matrix(N, M); y: vector(M)"),
        ("logdet(X'*X + eye)", "X: matrix(N, M)"),
        ("sum(N) + x'*x", "N: matrix(M, K); x: vector(L)"),
        ("X: matrix(N, M)\nnorm2(X*w)^2/N", "X: matrix(N, M); w: vector(M)"),
        ("S: symmetric\nx'*S*x", "S: symmetric matrix(N, N); x: vector(N)"),
        ("C: definite matrix(3)\nlogdet(C)", "C: definite matrix(3, 3)"),
        ("x1'*x_2", "x1: vector(N); x_2: vector(N)"),
        ("y: row\ny*x", "y: row(N); x: vector(N)"),
        ("if(norm2(x) > c, a, b)", "x: vector(N); c: scalar; a: scalar; b: scalar"),
        ("sum[i=1:N] x[i]^2", "x: vector(N)"),
        ("sum[i=0:K-1,j=1:M] A[i,j]/M", "A: matrix(K, M)"),
        ("sum[i=1:3] x[i]", "x: vector(3)"),
        ("quad(x, A) + dot(x, y)", "x: vector(N); A: matrix(N, N); y: vector(N)"),
    ],
)
def test_shapes(text, expected):
    assert shapes(text) == expected


def test_choices_replace_what_the_text_says():
    assert shapes("x: vector\nexp(-x)*2", x="scalar") == "x: scalar"
    assert shapes("sum(A*x)", A="matrix(4, 5)") == "A: matrix(4, 5); x: vector(5)"
    assert shapes("x'*S*x", S="symmetric") == "x: vector(N); S: symmetric matrix(N, N)"


@pytest.mark.parametrize(
    ("text", "names", "count"),
    [
        ("norm2(X*w + b - y)^2", ["b"], 2),
        ("exp(x)", ["x"], 2),
        ("x*y", ["x", "y"], 3),
        ("sum(c .* x)", ["c"], 2),
        ("norm2(theta)^2", ["theta"], 2),
        ("c*x", ["x"], 2),
    ],
)
def test_ambiguity_is_asked_about(text, names, count):
    with pytest.raises(FormulaError, match="can be read in") as caught:
        reading(read(text))
    assert len(caught.value.choices) == count == len(readings(read(text)))
    for name in names:
        assert f"--vector {name}" in caught.value.message
        assert f"{name}: vector" in caught.value.message
    for choice in caught.value.choices:
        chosen = {symbol.name: symbol.declared.kind for symbol in choice.symbols}
        assert reading(read(text), chosen).result == choice.result


@pytest.mark.parametrize(
    ("text", "message", "operator"),
    [
        ("X: matrix(N, M); y: vector(N)\nsum(X*y)", "X*y: X has M columns, y has N rows", "*"),
        ("x: vector; y: vector\nx*y", "x*y: x has 1 column, y has M rows", "*"),
        ("X: matrix(N, M)\ndet(X)", "det(X): X is a matrix of N×M, not a square matrix", "det"),
        ("x: vector(3); y: vector(4)\nsum(x + y)", "x + y: x is a vector of 3, y is a vector of 4", "+"),
        ("x: vector; y: row\nsum(x .* y)", "x .* y: x is a vector of N, y is a row of M", ".*"),
        ("A/B", "A/B: B is a matrix of K×L; write A*inv(B) or A ./ B", "/"),
        ("x: vector\nx^2", "x^2: x is a vector of N, not a square matrix; entry by entry write .^", "^"),
        ("x: vector\n2^x", "2^x: the exponent x is a vector of N; entry by entry write .^", "^"),
        ("A^0.5", "A^0.5: A is a matrix of N×N, whose powers are whole numbers", "^"),
        ("x: vector(4)\nsum[i=1:N] x[i]", "x[i]: i has N values, and the axis has 4 entries", "i"),
        ("quad(A, x)", "quad(A, x): quad(x, A) is x'*A*x, and these are", "quad"),
    ],
)
def test_shapes_that_do_not_fit(text, message, operator):
    with pytest.raises(FormulaError) as caught:
        reading(read(text))
    error = caught.value
    assert error.message.startswith(message)
    assert error.operator is not None
    assert text[slice(*error.operator)] == operator


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("sum[i] x[i] - y[i]", "i is an index, and is not bound here: write sum[i] (...)", "i"),
        ("sum[i] 2", "nothing says how far this index goes", "i"),
        ("sum(vector(1))", "nothing says how large this is", "vector(1)"),
        ("sum[i] sum[i] x[i]", "i is bound already", "i"),
        ("sum[i] A[i] + sum[i,j] A[i,j]", "A has 1 subscripts in one place and 2 in another", "A"),
        ("x[1]", "a subscript is an index that is bound", "1"),
        ("sum[i] x[i]*x[i+1]", "a subscript is an index that is bound", "i+1"),
        ("sum[i] A[i,c]", "a subscript is an index that is bound", "c"),
        ("sum[i=2:N] x[i]", "an index runs over a whole axis: i, i=1:N or i=0:N-1", "i=2:N"),
        ("sum[i=1:N-1] x[i]", "an index runs over a whole axis", "i=1:N-1"),
        ("sum[i=0:N] x[i]", "an index runs over a whole axis", "i=0:N"),
        ("log10(x)", "there is no function log10: write log(x)/log(10)", "log10"),
        ("sgmoid(x)", "there is no function sgmoid; did you mean sigmoid?", "sgmoid"),
        ("X(y + z)", "X is no function; a product is written with *", "X"),
        ("norm2(x, y)", "write norm2(x)", "norm2(x, y)"),
        ("x + exp", "exp is a function: write exp(x)", "exp"),
        ("r = x; r = y; r", "r is defined twice", "r = y"),
        ("r = s + 1; s = x; r", "s is used before it is defined", "s"),
        ("r = r + 1; r", "r is used before it is defined", "r"),
        ("x: vektor\nx'*x", "vektor is no shape", "vektor"),
        ("x: vector(2, 3)\nx'*x", "a vector has 1 size, not 2", "x: vector(2, 3)"),
        ("z: vector\nx'*x", "z is declared, and does not occur", "z"),
        ("x: vector; x: scalar; x*x", "x is declared twice", "x"),
        ("x: vector(x)\nx'*x", "x is declared, and is a size, too", "x"),
        ("if(x, 1, 2)", "write if(x > 0, a, b)", "x"),
    ],
)
def test_names_without_a_meaning(text, message, marked):
    with pytest.raises(FormulaError) as caught:
        reading(read(text))
    assert message in caught.value.message
    assert text[caught.value.start : caught.value.end] == marked


def test_reasons():
    found = {symbol.name: symbol.reason for symbol in reading(read("norm2(X*w - y)^2 + l*norm2(w)^2")).symbols}
    assert found["X"] == "capitals are matrices; its sizes follow from X*w, X*w - y"
    assert found["l"] == "as a vector, the default of its letter, it does not fit"


def test_what_a_page_asks_for():
    found = reading(read("r = A*x\nr"))
    assert found.result == ("N", "1")
    assert not found.is_scalar
    assert [quantity.text for quantity in found.quantities] == ["r: vector(N)"]
    assert found.shape(found.program.definitions[0].value) == ("N", "1")
