"""Formulas of people who come from MATLAB, NumPy or another page: read, or an error that says what to write."""

import time

import pytest

from symgrad import FormulaError, Model
from tests.families import one_in

READ = [
    ("norm(x)^2", "x", "2x"),
    ("norm(A*x)", "x", "1/‖A x‖·AᵀA x"),
    ("dot(x,y)/(norm(x)*norm(y))", "x", "1/‖y‖·(1/‖x‖·y − xᵀy/‖x‖³·x)"),
    ("sum(ones(n,1).*x)", "x", "𝟏"),
    ("ones(1,n)*x", "x", "𝟏"),
    ("norm2(eye(n)*x - zeros(n,1))^2", "x", "2x"),
    ("trace(eye(n)*A)", "A", "I"),
    ("x'*eye(n)*x/n", "x", "2/n·x"),
    ("x'*A.'*x", "x", "(A + Aᵀ)x"),
    ("sum(x.^2)", "x", "2x"),
    ("sum(sum((X-U*V').^2))", "V", "−2(X − U Vᵀ)ᵀU"),
    ("mean((X*w-y).^2)", "w", "2/N·Xᵀ(X w − y)"),
    ("sum(max(0, 1 - y.*(X*w))) + 0.5*c*w'*w", "w", "c·w − Xᵀ(y∘step(𝟏 − y∘(X w)))"),
    ("-t'*log(softmax(W*x))", "W", "(sum(t)·softmax(W x) − t)xᵀ"),
    ("β*x'*x", "x", "2·β·x"),
    ("5.*x'*x", "x", "10x"),
    (".5*x'*x", "x", "x"),
    ("tr(A'*B*A)", "A", "(B + Bᵀ)A"),
    ("sqrt(x'*x)", "x", "1/‖x‖·x"),
    ("sum((x-m).^2)/(2*s^2) + length(x)*log(s)", "s", "N/s − ‖x − m‖²/s³"),
    ("norm2(M .* (X - U*V'))^2", "U", "−2(M∘²∘(X − U Vᵀ))V"),
]


@pytest.mark.parametrize(("text", "by", "expected"), one_in(3, READ))
def test_what_is_read(text: str, by: str, expected: str) -> None:
    assert Model.from_text(text, by).show().rpartition("\n")[2].partition(" = ")[2] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("norm(X)", "the norm of a matrix may be its largest singular value or Frobenius' norm"),
        ("norm(X'*X)", "the norm of a matrix may be its largest singular value"),
        ("norm(x, 1)", "write norm1(x) or norm2(x)"),
        ("norm(X, 'fro')", "nothing stands before this '"),
        ("||x||^2", "a norm is norm2(x) or norm1(x)"),
        ("|a|", "an absolute value abs(x)"),
        ("2x'*y", "an operator is missing between 2 and x"),
        ("x'x", "an operator is missing between x' and x"),
        ("A x", "an operator is missing between A and x"),
        ("x'*x/2n", "an operator is missing between 2 and n"),
        ("1/2 x'*x", "an operator is missing between 2 and x"),
        ("A\\b", "solve A*z = b with inv(A)*b"),
        ("sum(X, 1)", "of the rows of a matrix X*vector(1)"),
        ("mean(X, 2)", "of its columns X'*vector(1)"),
        ("max(x, [], 1)", "arrays of numbers are not part of formulas"),
        ("[1 2; 3 4]*x", "arrays of numbers are not part of formulas"),
        ("[x; y]'*z", "arrays of numbers are not part of formulas"),
        ("A(:)'*B(:)", "parts of arrays, such as A(:,1)"),
        ("A(1,2)", "an entry with brackets: A[i]"),
        ("x(1)^2", "an entry with brackets: x[i]"),
        ("ones(n)*x", "write ones(N, 1) or ones(N, M)"),
        ("eye(A, 2)", "write eye or eye(N)"),
        ("eye(x')", "eye is given sizes"),
        ("zeros(0, 1)", "zeros is given sizes"),
        ("x.T @ A @ x", "the transpose is x'"),
        ("x @ y", "a product is written with *"),
        ("np.sum(x)", "sum(x), not np.sum(x)"),
        ("A^T*x", "the transpose is A'"),
        ("A^0.5", "whose powers are whole numbers"),
        ("x²", "a square is x^2"),
        ("A⊗B", "Kronecker products are not part of formulas"),
        ("kron(A, B)", "Kronecker products are not part of formulas"),
        ("vec(A)'*vec(B)", "write sum(A .* B)"),
        ("std(x)", "write sqrt(mean((x - mean(x)).^2))"),
        ("var(x)", "write mean((x - mean(x)).^2)"),
        ("log10(x)", "write log(x)/log(10)"),
        ("argmax(x)", "it has no derivative"),
        ("huber(x)", "huber is no function"),
        ("sum_i x_i", "a sum over indices is sum[i] x[i]"),
        ("Σ_i x_i", "a sum over indices is sum[i] x[i]"),
        ("if x > 0 then x else 0", "write if(x > 0, a, b)"),
        ("x > 0 ? x : 0", "write if(x > 0, a, b)"),
        ("f(x) = x^2", "before = stands a name"),
        ("d/dx x^2", "an operator is missing between dx and x"),
        ("{x}", "has no meaning here"),
        ("x > 0", "a comparison is no value"),
        ("x: vector(-3); x'*x", "a size is a name, a positive whole number"),
        ("x: vector(N - N); x'*x", "a size is a name, a positive whole number"),
    ],
)
def test_what_is_not_read_says_what_to_write(text: str, message: str) -> None:
    begun = time.process_time()
    with pytest.raises(FormulaError) as caught:
        Model.from_text(text, "x")
    assert message in caught.value.message
    assert 0 <= caught.value.start <= caught.value.end <= len(text)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("text", ["norm2(A*x - b)^2", "max(0, 1 - y*(w'*x))", "erf(x/sqrt(2))", "X*y*z"])
def test_what_can_be_meant_in_two_ways_is_asked(text: str) -> None:
    with pytest.raises(FormulaError, match="say which, by a line of the text or an option") as caught:
        Model.from_text(text, "x")
    assert len(caught.value.choices) > 1
