"""Results in arrays that are not needed any more: which statements become what, and that no result changes by it."""

import numpy as np
import pytest
from sympy import symbols

import symgrad.codegen.function
from symgrad.codegen.array_text import Array
from symgrad.codegen.in_place import in_place

from ..test_models import MODELS

N, M, K = symbols("N M K", integer=True, positive=True)
KNOWN = {
    **{name: Array((N, M), True) for name in ("A", "B", "x", "y", "z", "u")},
    **{name: Array((M, N), True) for name in ("C", "v")},
    **{"row": Array((M,), True), "column": Array((N,), True), "mask": Array((N, M), False)},
    **{"square": Array((N, N), True), "s": Array((), True), "e": Array((N,), True)},
}


def printed(statements, result):
    return in_place(statements.strip().split("\n"), [result], KNOWN, None)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("x = unknown(A) + row\ny = np.tanh(x)", ["x = unknown(A) + row", "y = np.tanh(x, out=x)"]),  # a new array
        ("x = square @ A + row\ny = np.tanh(x)", ["x = square @ A", "x += row", "y = np.tanh(x, out=x)"]),
        ("x = A - B\ny = A / x", ["x = A - B", "y = np.divide(A, x, out=x)"]),
        ("x = A - B\ny = x * (1 - x ** 2)", ["x = A - B", "y = np.multiply(x, 1 - x ** 2, out=x)"]),
        ("x = A - B\ny = -x", ["x = A - B", "y = np.negative(x, out=x)"]),
        ("x = A - B\ny = np.maximum(x, 0)", ["x = A - B", "y = np.maximum(x, 0, out=x)"]),
        ("x = A - B\ny = x * (A > 0)", ["x = A - B", "y = np.multiply(x, A > 0, out=x)"]),
        ("y = 1 - A * B", ["y = A * B", "np.subtract(1, y, out=y)"]),
        ("y = A ** 2 * np.exp(B)", ["y = A ** 2", "y *= np.exp(B)"]),
        ("x = A - B\ny = (x - x.sum(axis=0)) * x", ["x = A - B", "y = np.multiply(x - x.sum(axis=0), x, out=x)"]),
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
        # x is read after it would be overwritten
        ("x = A - B\ny = np.exp(x) * (1 - x ** 2)", ["x = A - B", "y = np.exp(x)", "y *= 1 - x ** 2"]),
        ('x = np.einsum("ij,kj->ik", A, C.T) - A', None),
        ('x = np.einsum("ij,ij->ij", A, B) - A', ['x = np.einsum("ij,ij->ij", A, B)', "x -= A"]),
        ("x = (C * v).transpose(1, 0)\ny = np.exp(x)", None),
        ("y = np.exp(A)", None),  # an argument
        ("x = A[:, :]\ny = np.exp(x)", None),  # a view of one
        ("x = np.asarray(A)\ny = np.exp(x)", None),
        ("x = np.exp(A)\nv = x.T\ny = x - B\nz = y @ v", None),  # a view of it is read later
        ("mask = A > 0\ny = mask * B", None),  # of another type
        ("x = np.exp(A)\nC = x.T @ A\ny = x - B\nz = y @ C @ x.T", None),
        ("e = np.exp(column)\ny = e[:, None] * A", None),  # too small
        ("x = unknown(A)\ny = np.exp(x)", None),
        ("for n in range(3):\n    x = np.exp(x)\ny = np.exp(x)", None),
    ],
)
def test_statements(statements, expected):
    result = (statements.split(" = ")[-2]).split("\n")[-1]
    assert printed(statements, result) == (statements.split("\n") if expected is None else expected)


def test_a_chain_keeps_to_one_array_until_something_else_is_read():
    lines = "x = A - B\ny = np.exp(x)\nz = y / column[:, None]\nu = z - A\nv = z.T @ u"
    assert in_place(lines.split("\n"), ["u", "v"], KNOWN, None) == [
        "x = A - B",
        "y = np.exp(x, out=x)",
        "z = np.divide(y, column[:, None], out=y)",
        "u = z - A",
        "v = z.T @ u",
    ]


def test_a_statement_waits_until_it_can_reuse_its_operand_if_nothing_needs_it_before():
    lines = ["x = A - B", "y = 1 - x", "z = A / x", "u = y * z"]
    assert in_place([*lines[:3], "u = x * z"], ["y", "u"], KNOWN, None)[1:] == [
        "z = A / x",
        "u = np.multiply(x, z, out=z)",
        "y = np.subtract(1, x, out=x)",
    ]
    assert in_place(lines, ["u"], KNOWN, None)[1:3] == ["z = A / x", "y = np.subtract(1, x, out=x)"]
    assert in_place([*lines[:2], "z = y / x"], ["z"], KNOWN, None)[1] == "y = 1 - x"
    free = ["x = A - B", "y = A / B", "z = x * y", "v = y.T @ A"]
    assert in_place(free, ["z", "v"], KNOWN, None)[2] == "z = np.multiply(x, y, out=x)"


LOOP = {
    **KNOWN,
    **{name: Array((K, N, M), True) for name in ("a", "b", "f", "g")},
    **{name: Array((N, M), True) for name in ("p", "q")},
    "W": Array((M, M), True),
}


def in_a_loop(*body, before=("a = np.exp(C)", "f = np.empty((K, N, M))"), results=("f",)):
    lines = [*before, "for t in range(1, K):", *(f"    {line}" for line in body)]
    made = in_place(lines, results, {**LOOP, "C": LOOP["a"]}, None)
    start = next(n for n, line in enumerate(made) if line.startswith("for "))
    return made[:start], [line.removeprefix("    ") for line in made[start + 1 :]]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("f[t - 1] = np.tanh(a[t])", ["np.tanh(a[t], out=f[t - 1])"]),
        ("f[t] = a[t - 1] @ W", ["np.matmul(a[t - 1], W, out=f[t])"]),
        ("f[t] = np.tanh(a[t] @ W + b[t])", ["np.add(a[t] @ W, b[t], out=f[t])", "np.tanh(f[t], out=f[t])"]),
        ("f[t] = a[t] * A + b[t] * B", ["np.multiply(a[t], A, out=f[t])", "f[t] += b[t] * B"]),
        ("f[t] = 1 - a[t] * A", ["np.multiply(a[t], A, out=f[t])", "np.subtract(1, f[t], out=f[t])"]),
        ("f[t] = a[t] * A + f[t - 1]", ["np.add(a[t] * A, f[t - 1], out=f[t])"]),  # it reads what it writes to
        ("f[t] = np.where(a[t] > 0, A, B)", None),
        ("f[t] = a[t, 0] * row", None),  # broadcast
        ("f[t] += a[t] * A", None),
    ],
)
def test_entries_of_arrays_are_written_where_they_belong(statement, expected):
    assert in_a_loop(statement)[1] == ([statement] if expected is None else expected)


def test_a_step_reuses_its_own_arrays():
    assert in_a_loop("p = a[t] @ W", "q = np.tanh(p)", "f[t] = q + B")[1] == [
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
        (["f[t] = np.tanh(a[t])"], True),
        (["p = a[t] @ W", "f[t] = np.tanh(p)"], True),
        (["p = a[t] @ W", "f[t] = f[t - 1] * p"], True),
        (["f[t] = b[t] * A"], True),  # nothing reads the other array at all
        (["f[t] = np.tanh(a[t - 1])"], False),  # another entry, which is overwritten before
        (["f[t] = b[t] * A", "g[t] = a[t] * A"], False),  # after it is written
        (["p = a[t]", "f[t] = b[t] * A", "g[t] = p * A"], False),
        (["f[t] = b[t] * A + a[t] * B"], False),
        (["f[t] = a[t].T @ W", "g[t] = f[t].sum() * a"], False),
    ],
)
def test_an_array_that_a_loop_fills_takes_the_place_of_one_that_it_reads_last(body, taken):
    before, _ = in_a_loop(*body)
    assert before == ["a = np.exp(C)", "f = a" if taken else "f = np.empty((K, N, M))"]


def test_it_takes_no_place_of_what_is_read_later_or_is_not_of_the_function():
    body = ["f[t] = np.tanh(a[t])"]
    assert in_a_loop(*body, results=("f", "a"))[0][1] == "f = np.empty((K, N, M))"
    assert in_a_loop(*body, before=["a = C[:]", "f = np.empty((K, N, M))"])[0][1] == "f = np.empty((K, N, M))"
    assert in_a_loop(*body, before=["f = np.empty((K, N, M))", "a = np.exp(C)"])[0][0] == "f = np.empty((K, N, M))"
    seen = ["a = np.exp(C)", "v = a.T", "f = np.empty((K, N, M))"]
    assert in_a_loop("p = v[t] @ W", *body, before=seen)[0][2] == "f = np.empty((K, N, M))"
    twice = ["a = np.exp(C)", "f = np.empty((K, N, M))", "g = np.empty((K, N, M))"]
    assert in_a_loop("g[t] = np.tanh(a[t])", "f[t] = g[t] * A", before=twice, results=("f", "g"))[0][1:] == [
        "f = np.empty((K, N, M))",
        "g = a",
    ]


def test_results_and_what_a_nested_function_reads_stay():
    assert printed("x = A - B\ny = np.exp(x)", "x, y") == ["x = A - B", "y = np.exp(x)"]
    nested = (
        "x = A - B\n\ndef rows(A: Any) -> tuple[Any, ...]:\n    y = np.exp(x)\n    return (y + x,)\n\n(z,) = run(rows)"
    )
    assert "\n".join(printed(nested, "z")) == nested
    assert "\n".join(printed(nested.replace("y + x", "y + A"), "z")) == nested.replace("y + x", "y + A")


def _draws(model, module):
    return [draw.inputs for draw in model.draws(module)][:2]


@pytest.mark.parametrize("name", MODELS)
def test_results_are_the_same_bits_and_arguments_are_not_written_to(name, monkeypatch):
    model = MODELS[name]()
    module = model.compile(check=False)
    with monkeypatch.context() as patch:
        patch.setattr(symgrad.codegen.function, "in_place", lambda lines, *rest: list(lines))
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
