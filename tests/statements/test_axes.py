"""The loops of statements: every operation has axes, those that NumPy gives its result."""

import re
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sympy import Expr, Integer

from symgrad import Model
from symgrad.codegen.speller import Speller
from symgrad.lowering.functions import COMPOSED, RUNTIME, SCIPY, SPECIAL, UFUNCS
from symgrad.outputs.second_order import ready, second_order
from symgrad.statements.arithmetic import operation
from symgrad.statements.axes import Axes, spaces_of
from symgrad.statements.expressions import Length, Number, Operation, Read, Sides, Slice, Subscript, parts_of
from symgrad.statements.operations import OPERATIONS
from symgrad.statements.spaces import SPACES, UnknownAxes, broadcast
from symgrad.statements.statements import Rows
from symgrad.targets.numpy.function import print_function
from symgrad.targets.numpy.functions import NUMPY
from tests.codegen.test_seam import EXAMPLES

from .written import K, M, N, Writing, arrays

SIZES = {N: 5, M: 3, K: 4}
KNOWN = {
    **arrays("A B", N, M, owner="argument"),
    **arrays("S", M, M, owner="argument"),
    **arrays("T", K, M, M, owner="argument"),
    **arrays("F", K, N, M, owner="argument"),
    **arrays("w", M, owner="argument"),
    **arrays("i j", N, kind="integer", owner="argument"),
}


def read(text: str) -> Any:
    import ast

    return Writing(KNOWN).expression(ast.parse(text, mode="eval").body)


def numbers(shape: tuple[Expr, ...]) -> tuple[int, ...]:
    return tuple(int(side.subs(SIZES)) for side in map(Integer(1).__mul__, shape))


ROWS, POSITIONS = Read(KNOWN["A"]), (Read(KNOWN["i"]), Read(KNOWN["j"]))
CUBE = Read(KNOWN["F"])
EXPRESSIONS = {
    text: read(text)
    for text in (
        "A + w", "A * B - w", "exp(A)", "A[:, None] * B", "A > B", "where(A > B, A, w)", "A @ w", "A.T @ B", "F @ w",
        "F @ S", "w @ S", "T @ F[0].T", "sum(A)", "sum(A, axis=0)", "max(F, axis=(0, 2))", "cumsum(A, axis=0)",
        'einsum("ij,kij->ki", A, F)', 'einsum("kii->ki", T)', "vdot(A, B)", "solve(S, w)", "solve(T, T)",
        "solve(S, A.T)",
        "inv(T)", "det(T)", "slogdet(T)", "kron(A, S)", "diagonal(T, axis1=1, axis2=2)", "diagonal(S)", "zeros(N, M)",
        "dot(w, S)",
    )
}  # fmt: skip
EXPRESSIONS |= {
    "tensordot": operation("tensordot", CUBE, ROWS, axes=((1, 2), (0, 1))),
    "reshape": operation("reshape", ROWS, Sides((N * M,))),
    "broadcast_to": operation("broadcast_to", Read(KNOWN["w"]), Sides((N, M))),
    "eye": operation("eye", Length(N)),
    "arange": operation("arange", Length(N + 1)),
    "at positions": Subscript(CUBE, (Number(Integer(1)), POSITIONS[0])),
    "at positions of two axes": Subscript(CUBE, POSITIONS),
    "at positions apart": Subscript(CUBE, (POSITIONS[0], Slice(), POSITIONS[1])),
    "at positions after a slice": Subscript(CUBE, (Slice(), *POSITIONS)),
    "every other row": Subscript(ROWS, (Slice(Integer(1), M + 2, Integer(2)),)),
    "backwards": Subscript(ROWS, (Slice(step=Integer(-1)),)),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_axes_are_those_of_numpy(name: str) -> None:
    expression = EXPRESSIONS[name]
    rng = np.random.default_rng(0)
    given = {
        name: rng.integers(0, 3, numbers(b.shape)) if b.kind == "integer" else rng.normal(size=numbers(b.shape))
        for name, b in KNOWN.items()
    }
    scope = {str(size): number for size, number in SIZES.items()}
    wanted = eval(Speller(NUMPY, "A.dtype").text(expression), {"np": np, **given, **scope})
    wanted = np.stack(wanted) if isinstance(wanted, tuple) else wanted
    assert numbers(Axes().shape(expression)) == np.shape(wanted)


def test_loops_inside_are_what_the_result_does_not_have() -> None:
    axes = Axes()
    found = {
        text: axes.space(EXPRESSIONS[text]) for text in ("A.T @ B", 'einsum("ij,kij->ki", A, F)', "sum(A, axis=0)")
    }
    assert [(space.axes, space.over) for space in found.values()] == [((M, M), (N,)), ((K, N), (M,)), ((M,), (N,))]
    assert all(space.work == "sum" for space in found.values())
    works = {name: axes.space(EXPRESSIONS[name]).work for name in ("A + w", "at positions", "reshape", "inv(T)", "eye")}
    assert list(works.values()) == ["entries", "gather", "view", "whole", "fill"]


def test_every_operation_has_axes() -> None:
    """Those of the table of memory, those that functions of models become, and those of the runtime."""
    composed = [made(*[read("w")] * made.__code__.co_argcount) for made in COMPOSED.values()]
    heads = {part.head for one in composed for part in parts_of(one) if isinstance(part, Operation)}
    heads |= {*UFUNCS.values(), *SCIPY.values(), *SPECIAL, *(function.__name__ for function in RUNTIME), *OPERATIONS}
    lists, matrices = {"block", "concatenate", "stack"}, {"entries", "pattern", "pattern_of"}
    assert heads - SPACES.keys() == lists | matrices  # lists of arrays, and sparse matrices, which are results


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (operation("frobnicate", ROWS), "nothing says which axes the operation frobnicate has"),
        (read("A @ A"), "matmul of shapes"),
        (read("A + F[:, 0]"), "are no axis"),
        (read('einsum("ij,jk->ik", A, B)'), "the letter j is M and N long"),
        (read("unheard + A"), "the axes of unheard are not known"),
    ],
)
def test_what_does_not_go_together_is_named(expression: Any, said: str) -> None:
    with pytest.raises(UnknownAxes, match=said):
        Axes().shape(expression)


def test_lengths_that_are_written_otherwise_are_the_same() -> None:
    assert broadcast([(N + 1, Integer(1)), (1 + N, M), (M,)]) == (N + 1, M)


def functions(model: Model) -> list[Any]:
    more = second_order(model.derivation, model._request(True, True, ()), lambda *_: None)
    return [*model._first_order, *ready(more, model.derivation)]


EVERY = [path.stem for path in sorted(EXAMPLES.glob("*.py")) if re.search(r"^model = ", path.read_text("utf-8"), re.M)]
QUICK = ("factorisation", "logistic", "softmax", "cox")
DEEP = ("bundle_adjustment", "gpt", "handwriting", "lenet", "residual", "style", "digits")  # minutes by second order
LONG = [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in EVERY]


def has_its_loops(body: Any) -> None:
    """Every operation of every statement has axes."""
    for statement, spaces in spaces_of(body):
        assert all(isinstance(side, Expr) or side >= 1 for space in spaces for side in space.axes)
        assert spaces or not any(isinstance(e, Operation) for e in statement.expressions), statement


@pytest.mark.parametrize("name", LONG)
def test_every_statement_of_an_example_has_its_loops(name: str) -> None:
    """With `SYMGRAD_VALIDATE=1`, as here, so has every statement after every pass."""
    from symgrad.cli.model_file import ModelReference, load_model

    model = load_model(ModelReference(EXAMPLES / f"{name}.py"))
    for function in model._first_order if name in DEEP else functions(model):
        has_its_loops(print_function(function, model.derivation.program).body.body)


def cases() -> dict[str, Any]:
    """The models of the benchmarks by the first case that has them."""
    sys.path.insert(0, str(EXAMPLES.parent / "tests" / "benchmarks"))
    try:
        every = [case for part in ("regression", "networks", "second_order") for case in import_module(part).CASES]
    finally:
        del sys.path[0]
    first: dict[Any, str] = {}
    for case in every:
        first.setdefault(case.model, case.name)
    return {name: made for made, name in first.items()}


@pytest.mark.long
def test_every_statement_of_a_benchmark_has_its_loops(subtests: Any) -> None:
    for name, made in cases().items():
        with subtests.test(name):
            model = made()
            for function in functions(model):
                has_its_loops(print_function(function, model.derivation.program).body.body)


def test_what_can_be_one_loop_is_seen() -> None:
    """Of logistic regression all but the product with the data and the sums goes entry by entry over its rows."""
    from symgrad.cli.model_file import ModelReference, load_model

    model = load_model(ModelReference.parse(str(EXAMPLES / "logistic.py")))
    (function,) = (one for one in model._first_order if one.name == "value_and_gradient")
    printed = print_function(function, model.derivation.program)
    (rows,) = (one for one in printed.body.body.statements if isinstance(one, Rows))
    (dimension,) = (rows.dimension,)
    spaces = [space for _, found in spaces_of(printed.body.body) for space in found if space.work in ("entries", "sum")]
    assert {space.axes for space in spaces if space.work == "entries"} <= {(dimension,), ()}
    (features,) = (side for space in spaces for side in space.over if side != dimension)
    sums = {(space.axes, space.over) for space in spaces if space.work == "sum"}
    assert sums == {((dimension,), (features,)), ((), (dimension,)), ((features,), (dimension,))}
