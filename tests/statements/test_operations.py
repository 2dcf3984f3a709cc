"""What operations make: shape, type and memory, as the one table declares them."""

import pytest

from symgrad.statements.operations import facts, memory_of
from symgrad.statements.statements import Define

from .written import K, M, N, Writing, arrays

KNOWN = {
    **arrays("A B", N, M),
    **arrays("C", M, N),
    **arrays("row", M),
    **arrays("place", N, kind="integer"),
    **arrays("at", kind="integer"),
    **arrays("mask", N, M, kind="boolean"),
    **arrays("stack", K, N, M),
}


def expression(text):
    (statement,) = Writing(KNOWN).body(f"result = {text}").statements
    assert isinstance(statement, Define)
    return statement.expression


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("A + B", "new"),
        ("A @ C", "new"),
        ("exp(A)", "new"),
        ("where(mask, A, B)", "new"),
        ("inv(A)", "new"),
        ("A", "view"),
        ("A.T", "view"),
        ("(A @ C).T", "new"),  # a view of what nobody else has
        ("reshape(A, row)", "view"),
        ("reshape(A @ C, row)", "new"),
        ("A[:, None]", "view"),
        ("A[place]", "new"),  # of an array of positions NumPy makes a copy
        ("A[place[:, None], place]", "new"),
        ("A[at]", "view"),
        ("A[place[1]]", "view"),  # a single position
        ("A[unknown(place)]", "view"),
        ("diagonal(A)", "view"),
        ("diagonal(A @ C)", "view"),  # which cannot be written to
        ("windows(A + B)", "view"),  # whose entries share places
        ('einsum("ii->i", A)', "view"),
        ('einsum("ij,ij->i", A, B)', "new"),
        ("asarray(A)", "unknown"),
        ("sigmoid(A)", "unknown"),
        ("univariate(A)", "unknown"),
    ],
)
def test_memory(text, memory):
    assert memory_of(expression(text)) == memory


@pytest.mark.parametrize(
    ("text", "shape", "floating", "new"),
    [
        ("A * row", (N, M), True, True),
        ("A - 1", (N, M), True, True),
        ("A > 0", (N, M), False, True),
        ("mask * A", (N, M), True, True),
        ("A @ C", (N, N), True, True),
        ("stack @ C", (K, N, N), True, True),
        ("dot(A, row)", (N,), True, True),
        ("sum(A, axis=0)", (M,), True, True),
        ("sum(A)", (), True, True),
        ("A.T", (M, N), True, False),
        ("A[:, None]", (N, 1, M), True, False),
        ("stack[0]", (N, M), True, False),
        ('einsum("ij,kj->ik", A, B)', (N, N), True, True),
        ("tensordot(stack, A, axes=([1], [0]))", (K, M, M), True, True),
    ],
)
def test_facts(text, shape, floating, new):
    found = facts(expression(text))
    assert found is not None and (found.shape, found.floating, found.new) == (shape, floating, new)


@pytest.mark.parametrize("text", ["place + 1", "unknown(A)", "A[place]", "asarray(A)", "A + unknown(A)", "A + C"])
def test_what_is_not_followed(text):
    assert facts(expression(text)) is None
