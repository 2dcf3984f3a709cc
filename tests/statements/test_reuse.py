"""Results in arrays that are not needed any more: which statements become what, and that no result changes by it."""

import numpy as np
import pytest

import symgrad.targets.numpy.function
from symgrad.statements.reuse import with_reuse
from symgrad.statements.spec import check
from symgrad.statements.statements import Loop
from tests.families import one_in

from ..test_models import MODELS
from .written import K, M, N, Writing, arrays, spelled

KNOWN = {
    **arrays("A B", N, M, owner="argument"),
    **arrays("x y z u", N, M),
    **arrays("C v", M, N),
    **arrays("row", M, owner="argument"),
    **arrays("column", N, owner="argument"),
    **arrays("mask", N, M, kind="boolean"),
    **arrays("square", N, N, owner="argument"),
    **arrays("s"),
    **arrays("e", N),
}


def reused(lines, *results, known=KNOWN, **options):
    body = with_reuse(Writing(known).body(lines, *results), None, **options)
    check(body)
    return spelled(body)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("x = exp(A) + row\ny = tanh(x)", ["x = np.exp(A)", "x += row", "y = np.tanh(x, out=x)"]),  # a new array
        ("x = unknown(A) + row\ny = tanh(x)", ["x = np.unknown(A) + row", "y = np.tanh(x, out=x)"]),
        ("x = square @ A + row\ny = tanh(x)", ["x = square @ A", "x += row", "y = np.tanh(x, out=x)"]),
        ("x = A - B\ny = A / x", ["x = A - B", "y = np.divide(A, x, out=x)"]),
        ("x = A - B\ny = x * (1 - x ** 2)", ["x = A - B", "y = np.multiply(x, 1 - x ** 2, out=x)"]),
        ("x = A - B\ny = -x", ["x = A - B", "y = np.negative(x, out=x)"]),
        ("x = A - B\ny = maximum(x, 0)", ["x = A - B", "y = np.maximum(x, 0, out=x)"]),
        ("x = A - B\ny = x * (A > 0)", ["x = A - B", "y = np.multiply(x, A > 0, out=x)"]),
        ("y = 1 - A * B", ["y = A * B", "np.subtract(1, y, out=y)"]),
        ("y = A ** 2 * exp(B)", ["y = A ** 2", "y *= np.exp(B)"]),
        (
            "x = A - B\ny = (x - sum(x, axis=0)) * x",
            ["x = A - B", "y = np.multiply(x - x.sum(axis=0), x, out=x)"],
        ),
        # an operand in the array that it reads last
        (
            "x = A - B\nz = B / A\ny = x * (1 - z ** 2)",
            [
                "x = A - B",
                "z = B / A",
                "np.square(z, out=z)",
                "np.subtract(1, z, out=z)",
                "y = np.multiply(x, z, out=x)",
            ],
        ),
        (
            "x = A - B\nz = B / A\ny = x * (z - z ** 2)",
            ["x = A - B", "z = B / A", "y = np.multiply(x, z - z ** 2, out=x)"],
        ),
        # into the operand that is read entry by entry, not into one that is read across
        (
            "x = A - B\nz = square @ A\nu = square @ B\ny = x * (u.T.T + z)",
            [
                "x = A - B",
                "z = square @ A",
                "u = square @ B",
                "np.add(u.T.T, z, out=z)",
                "y = np.multiply(x, z, out=x)",
            ],
        ),
        # x is read after it would be overwritten
        ("x = A - B\ny = exp(x) * (1 - x ** 2)", ["x = A - B", "y = np.exp(x)", "y *= 1 - x ** 2"]),
        ('x = einsum("ij,kj->ik", A, C.T) - A', None),
        ('x = einsum("ij,ij->ij", A, B) - A', ['x = np.einsum("ij,ij->ij", A, B)', "x -= A"]),
        ("v = C * B.T\nx = v.T\ny = exp(x)", None),
        ("y = exp(A)", None),  # an argument
        ("x = A[:, :]\ny = exp(x)", None),  # a view of one
        ("x = asarray(A)\ny = exp(x)", None),
        ("x = exp(A)\nv = x.T\ny = x - B\nz = square @ v.T", None),  # a view of it is read later
        ("mask = A > 0\ny = mask * B", None),  # of another type
        ("e = exp(column)\ny = e[:, None] * A", None),  # too small
        ("x = unknown(A)\ny = exp(x)", None),
    ],
)
def test_statements(statements, expected):
    result = statements.split(" = ")[-2].split("\n")[-1]
    plain = spelled(Writing({**KNOWN, **arrays("C", M, N, owner="argument")}).body(statements))
    known = {**KNOWN, **arrays("C", M, N, owner="argument")}
    assert reused(statements, result, known=known) == (plain if expected is None else expected)


def test_what_a_loop_reads_again_stays():
    known = {**KNOWN, **arrays("x", N, M)}
    body = Writing(known).body("x = A - B\nfor t in range(1, K):\n    y = exp(x)\nz = exp(x)", "z")
    made = with_reuse(body, None)
    assert isinstance(made.statements[1], Loop)
    assert spelled(made) == ["x = A - B", "for t in range(1, K):", "    y = np.exp(x)", "z = np.exp(x, out=x)"]


def test_a_chain_keeps_to_one_array_until_something_else_is_read():
    lines = "x = A - B\ny = exp(x)\nz = y / column[:, None]\nu = z - A\nw = z.T @ u"
    assert reused(lines, "u", "w") == [
        "x = A - B",
        "y = np.exp(x, out=x)",
        "z = np.divide(y, column[:, None], out=y)",
        "u = z - A",
        "w = z.T @ u",
    ]


def test_a_statement_waits_until_it_can_reuse_its_operand_if_nothing_needs_it_before():
    lines = ["x = A - B", "y = 1 - x", "z = A / x", "u = y * z"]
    assert reused("\n".join([*lines[:3], "u = x * z"]), "y", "u")[1:] == [
        "z = A / x",
        "u = np.multiply(x, z, out=z)",
        "y = np.subtract(1, x, out=x)",
    ]
    assert reused("\n".join(lines), "u")[1:3] == ["z = A / x", "y = np.subtract(1, x, out=x)"]
    assert reused("\n".join([*lines[:2], "z = y / x"]), "z")[1] == "y = 1 - x"
    free = ["x = A - B", "y = A / B", "z = x * y", "v = y.T @ square"]
    assert reused("\n".join(free), "z", "v")[2] == "z = np.multiply(x, y, out=x)"


LOOP = {
    **KNOWN,
    **arrays("a b f g", K, N, M),
    **arrays("C", K, N, M, owner="argument"),
    **arrays("p q", N, M),
    **arrays("W", M, M, owner="argument"),
}


def in_a_loop(*body, before=("a = exp(C)", "f = empty(K, N, M)"), results=("f",)):
    lines = [*before, "for t in range(1, K):", *(f"    {line}" for line in body)]
    known = {name: buffer for name, buffer in LOOP.items() if name != "b"} | arrays("b", K, N, M, owner="argument")
    made = spelled(with_reuse(Writing(known).body("\n".join(lines), *results), None))
    start = next(n for n, line in enumerate(made) if line[:4] == "for ")
    return made[:start], [line.removeprefix("    ") for line in made[start + 1 :]]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("f[t - 1] = tanh(a[t])", ["np.tanh(a[t], out=f[t - 1])"]),
        ("f[t] = a[t - 1] @ W", ["np.matmul(a[t - 1], W, out=f[t])"]),
        ("f[t] = tanh(a[t] @ W + b[t])", ["np.add(a[t] @ W, b[t], out=f[t])", "np.tanh(f[t], out=f[t])"]),
        ("f[t] = a[t] * A + b[t] * B", ["np.multiply(a[t], A, out=f[t])", "f[t] += b[t] * B"]),
        ("f[t] = 1 - a[t] * A", ["np.multiply(a[t], A, out=f[t])", "np.subtract(1, f[t], out=f[t])"]),
        ("f[t] = a[t] * A + f[t - 1]", ["np.add(a[t] * A, f[t - 1], out=f[t])"]),  # it reads what it writes to
        ("f[t] = where(a[t] > 0, A, B)", ["f[t] = np.where(a[t] > 0, A, B)"]),
        ("f[t] = a[t, 0] * row", ["f[t] = a[t, 0] * row"]),  # broadcast
        ("f[t] += a[t] * A", ["f[t] += a[t] * A"]),
    ],
)
def test_entries_of_arrays_are_written_where_they_belong(statement, expected):
    assert in_a_loop(statement)[1] == expected


def test_a_step_reuses_its_own_arrays():
    assert in_a_loop("p = a[t] @ W", "q = tanh(p)", "f[t] = q + B")[1] == [
        "p = a[t] @ W",
        "q = np.tanh(p, out=p)",
        "np.add(q, B, out=f[t])",
    ]
    assert in_a_loop("p, q = a[t] @ stack", "x = p + A", "y = q + A", "f[t] = x * y")[1] == [
        "p, q = a[t] @ stack",
        "x = np.add(p, A, out=p)",
        "y = np.add(q, A, out=q)",
        "np.multiply(x, y, out=f[t])",
    ]


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (["f[t] = tanh(a[t])"], True),
        (["p = a[t] @ W", "f[t] = tanh(p)"], True),
        (["p = a[t] @ W", "f[t] = f[t - 1] * p"], True),
        (["f[t] = b[t] * A"], True),  # nothing reads the other array at all
        (["f[t] = tanh(a[t - 1])"], False),  # another entry, which is overwritten before
        (["f[t] = b[t] * A", "g[t] = a[t] * A"], False),  # after it is written
        (["p = a[t]", "f[t] = b[t] * A", "g[t] = p * A"], False),
        (["f[t] = b[t] * A + a[t] * B"], False),
        (["f[t] = a[t].T @ W", "g[t] = sum(f[t]) * a"], False),
    ],
)
def test_an_array_that_a_loop_fills_takes_the_place_of_one_that_it_reads_last(body, taken):
    before, _ = in_a_loop(*body)
    assert before == ["a = np.exp(C)", "f = a" if taken else "f = np.empty((K, N, M))"]


def test_it_takes_no_place_of_what_is_read_later_or_is_not_of_the_function():
    body, empty = ["f[t] = tanh(a[t])"], "f = np.empty((K, N, M))"
    assert in_a_loop(*body, results=("f", "a"))[0][1] == empty
    assert in_a_loop(*body, before=["a = C[:]", "f = empty(K, N, M)"])[0][1] == empty
    assert in_a_loop(*body, before=["f = empty(K, N, M)", "a = exp(C)"])[0][0] == empty
    seen = ["a = exp(C)", "v = a.T", "f = empty(K, N, M)"]
    assert in_a_loop("p = v[t] @ W", *body, before=seen)[0][2] == empty
    twice = ["a = exp(C)", "f = empty(K, N, M)", "g = empty(K, N, M)"]
    assert in_a_loop("g[t] = tanh(a[t])", "f[t] = g[t] * A", before=twice, results=("f", "g"))[0][1:] == [
        "f = np.empty((K, N, M))",
        "g = a",
    ]


def test_results_and_what_a_block_of_rows_reads_stay():
    assert reused("x = A - B\ny = exp(x)", "x", "y") == ["x = A - B", "y = np.exp(x)"]
    rows = "x = A - B\ndef rows(A):\n    y = exp(x)\n    return (y + x, y)\n"
    assert reused(rows, "rows_0") == spelled(Writing(KNOWN).body(rows))
    known = {**KNOWN, "z": KNOWN["z"]}
    inside = "def rows(A):\n    y = exp(A)\n    z = y - B\n    return (z,)\n"
    assert "    z = np.subtract(y, B, out=y)" in reused(inside, "rows_0", known=known)
    assert "    z = y - B" in reused(inside, "rows_0", known=known, nested=False)


def _draws(model, module):
    return [draw.inputs for draw in model.draws(module)][:2]


@pytest.mark.parametrize("name", one_in(12, MODELS))
def test_results_are_the_same_bits_and_arguments_are_not_written_to(name, monkeypatch):
    model = MODELS[name]()
    module = model.compile(check=False)
    with monkeypatch.context() as patch:
        patch.setattr(symgrad.targets.numpy.function, "with_reuse", lambda body, rows: body)
        plain = MODELS[name]().compile(check=False)
    for inputs in _draws(model, module):
        for array in inputs.values():
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        first = module.value_and_gradient(**inputs)
        kept = [np.copy(part) for part in (first[0], *first[1])]
        expected = plain.value_and_gradient(**inputs)
        again = module.value_and_gradient(**inputs)
        for a, b, c, d in zip(
            kept, (expected[0], *expected[1]), (first[0], *first[1]), (again[0], *again[1]), strict=True
        ):
            assert a.tobytes() == np.asarray(b).tobytes() == np.asarray(c).tobytes() == np.asarray(d).tobytes()
