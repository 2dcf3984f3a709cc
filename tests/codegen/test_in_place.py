"""Results in arrays that are not needed any more: which statements become what, and that no result changes by it."""

import numpy as np
import pytest
from sympy import symbols

import symgrad.codegen.module
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
        ("x = A @ square + row\ny = np.tanh(x)", ["x = A @ square + row", "y = np.tanh(x)"]),  # the shapes do not fit
        ("x = square @ A + row\ny = np.tanh(x)", ["x = square @ A", "x += row", "y = np.tanh(x, out=x)"]),
        ("x = A - B\ny = A / x", ["x = A - B", "y = np.divide(A, x, out=x)"]),
        ("x = A - B\ny = x * (1 - x ** 2)", ["x = A - B", "y = np.multiply(x, 1 - x ** 2, out=x)"]),
        ("x = A - B\ny = -x", ["x = A - B", "y = np.negative(x, out=x)"]),
        ("x = A - B\ny = np.maximum(x, 0)", ["x = A - B", "y = np.maximum(x, 0, out=x)"]),
        ("x = A - B\ny = x * (A > 0)", ["x = A - B", "y = np.multiply(x, A > 0, out=x)"]),
        ("y = 1 - A * B", ["y = A * B", "np.subtract(1, y, out=y)"]),
        ("y = A ** 2 * np.exp(B)", ["y = A ** 2", "y *= np.exp(B)"]),
        ("x = A - B\ny = (x - x.sum(axis=0)) * x", ["x = A - B", "y = np.multiply(x - x.sum(axis=0), x, out=x)"]),
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
    lines = "x = A - B\ny = np.exp(x)\nz = y / column[:, None]\nu = z - A\nv = z.T @ A"
    assert in_place(lines.split("\n"), ["u", "v"], KNOWN, None) == [
        "x = A - B",
        "y = np.exp(x, out=x)",
        "z = np.divide(y, column[:, None], out=y)",
        "u = z - A",
        "v = z.T @ A",
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
        patch.setattr(symgrad.codegen.module, "in_place", lambda lines, *rest: list(lines))
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
