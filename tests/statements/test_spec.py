"""What no function may have is refused, and named."""

from dataclasses import replace

import pytest
from sympy import Symbol

from symgrad.statements import spec
from symgrad.statements.expressions import Group, Kept, Length, Read, Subscript
from symgrad.statements.spec import IllegalStatement, check, validated
from symgrad.statements.statements import Body, Define, Release

from .written import K, M, N, Writing, arrays

KNOWN = {
    **arrays("A B", N, M, owner="argument"),
    **arrays("x y z", N, M),
    **arrays("v", M, N),
    **arrays("f", K, N, M),
    **arrays("e", N),
}


def written(lines, *results):
    return Writing(KNOWN).body(lines, *results)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("y = x + A", "x is read before it is defined"),
        ("x = A + y\ny = A - B", "y is read before it is defined"),
        ("x = A + B\nx = A - B", "x is defined twice"),
        ("A += B", "the argument A is written to"),
        ("x = A[:, :]\nA[:] = B", "the argument A is written to"),
        ("v = A + B", "v of shape .* is given an array of shape"),
        ("f = empty(K, N, M)\nfor t in range(1, K):\n    f[t] = B.T @ A", "is stored in a place of shape"),
        ('e = einsum("ijk,ij->i", A, B)', "an array of shape .* has letters 'ijk'"),
        ('e = einsum("ij,ij->k", A, B)', "letters .* are not bound"),
        (
            "f = empty(K, N, M)\nfor t in range(1, K):\n    f[t] = A\nx = f[t] + A",
            "the clock t is read outside its loop",
        ),
        ("def rows(A):\n    x = A + B\n    return (x,)\ny = x + A", "x is read before it is defined"),
    ],
)
def test_what_is_wrong_is_named(lines, said):
    with pytest.raises(IllegalStatement, match=said):
        check(written(lines))


def test_what_is_let_go_of_is_not_read_and_neither_are_its_views():
    body = written("x = A + B\nv = x.T\ny = v.T + A", "y")
    first, second, last = body.statements
    gone = Release((KNOWN["x"],))
    with pytest.raises(IllegalStatement, match="x is read after it was let go of"):
        check(Body((first, gone, second), ()))
    with pytest.raises(IllegalStatement, match="v may be part of x, which was let go of"):
        check(Body((first, second, gone, last), body.results))
    check(Body((first, second, last, Release((KNOWN["x"], KNOWN["v"]))), body.results))


def test_results_are_read_too():
    with pytest.raises(IllegalStatement, match=r"y is read before it is defined.*the results"):
        check(written("x = A + B", "y"))


def test_a_result_that_is_computed_into_an_array_has_its_shape():
    check(written("x = A + B\ny = exp(x, out=x)", "y"))
    with pytest.raises(IllegalStatement, match="is written into v of shape"):
        check(written("v = A.T + B.T\ny = exp(A, out=v)", "y"))


def test_what_is_returned_is_no_array_of_a_workspace():
    body = written("x = A + B\nv = x.T\ny = x * A", "v", "y")
    first, *rest = body.statements
    assert isinstance(first, Define)
    kept = replace(first, out=Kept("x", (N, M)))
    check(Body((kept, *rest), body.results[1:]))
    with pytest.raises(IllegalStatement, match="x is an array of the workspace"):
        check(Body((kept, *rest), (Group("Gradient", body.results),)))


def test_the_environment_asks_for_it_and_the_pass_is_named(monkeypatch):
    wrong = Body((Define(KNOWN["y"], Subscript(Read(KNOWN["x"]), (Length(Symbol("t")),))),))
    monkeypatch.delenv("SYMGRAD_VALIDATE", raising=False)
    assert validated(wrong, "release") is wrong
    monkeypatch.setenv("SYMGRAD_VALIDATE", "1")
    with pytest.raises(IllegalStatement, match="after release"):
        validated(wrong, "release")


def test_what_a_pass_leaves_as_it_was_is_checked_once(monkeypatch):
    checked = []
    monkeypatch.setenv("SYMGRAD_VALIDATE", "1")
    monkeypatch.setattr(spec, "check", lambda body, after: checked.append(after))
    validated(written("x = A + B", "x"), "printing")
    validated(written("x = A + B", "x"), "needed")
    validated(written("x = A + B\ny = x * A", "y"), "once")
    validated(written("x = A + B", "x"), "reuse")
    assert checked == ["printing", "once", "reuse"]
