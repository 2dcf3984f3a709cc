"""Calls and attributes as people try them first: each is an error that says what there is, and what to write."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Derivative, Eq, IndexedBase, Lambda, MatrixSymbol, Sum, Symbol, symbols

import symgrad
from symgrad import Model, ModelError, UnsupportedError, define, dot, norm1, norm2, quad, spellings, sumsq, total
from symgrad.calls import checked, nearest

N, M = symbols("N M", integer=True, positive=True)
X, w, y, z, S = (
    MatrixSymbol(name, *sides)
    for name, sides in {"X": (N, M), "w": (M, 1), "y": (N, 1), "z": (N, 1), "S": (M, M)}.items()
)
x, A = IndexedBase("x", shape=(N,)), IndexedBase("A", shape=(N, M))
b = Symbol("b", real=True)
i = Symbol("i", integer=True)
LOSS = sumsq(X * w - y)
MODEL = Model(LOSS, [w], name="squares")
MODULE = MODEL.compile(check=False)
CALLED = r"Model\(loss, parameters, \*, where=\.\.\., facts=\.\.\., sizes=\.\.\., name=\.\.\.\) "

CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "no parameters": (lambda: Model(LOSS), CALLED + r"needs parameters; write it as in Model\(sumsq\("),
    "nothing": (lambda: Model(), CALLED + "needs loss and parameters"),
    "an argument by another name": (lambda: Model(LOSS, params=[w]), "no argument 'params', but parameters;"),
    "one misspelt": (lambda: Model(LOSS, [w], Name="a"), "no argument 'Name', but name;"),
    "one of no meaning": (lambda: Model(LOSS, [w], colour=1), "has no argument 'colour'; write"),
    "where without its name": (lambda: Model(LOSS, [w], [Eq(z, X * w)]), r"2 arguments without a name, .* also \[Eq\("),
    "compile to a backend": (lambda: MODEL.compile(backend="jax"), "no argument 'backend', but target;"),
    "compile to a file": (lambda: MODEL.compile("a.py"), r"check is 'a.py' \(str\); .* a file as path='a.py'"),
    "check twice": (lambda: MODEL.compile("a.py", check=False), "was given check twice, as 'a.py' and by its name"),
    "a path that is none": (lambda: MODEL.compile(path=5), r"path is 5 \(int\)"),
    "a switch that is a text": (lambda: MODEL.compile(hessian="w"), r"hessian is 'w' \(str\); give True or False"),
    "all Jacobians": (lambda: MODEL.compile(jacobian=True), r"jacobian is True \(bool\); give a list such as"),
    "a seed that is a text": (lambda: MODEL.compile(seed="a"), r"seed is 'a' \(str\); give an integer of at least 0"),
    "a seed that is no integer": (lambda: MODEL.check(seed=1.5), r"seed is 1\.5 \(float\)"),
    "a negative seed": (lambda: MODEL.check(seed=-1), r"seed is -1 \(int\)"),
    "sizes that are a number": (lambda: MODEL.check(sizes=3), r"sizes is 3 \(int\); give a dictionary such as"),
    "sizes in a tuple": (lambda: MODEL.check(sizes=(3, 2)), r"sizes is \(3, 2\) \(tuple\)"),
    "a size that is a text": (lambda: MODEL.check(sizes={"N": "a"}), r"sizes\[N\] is 'a' \(str\)"),
    "a negative size": (lambda: MODEL.check(sizes={N: -3}), r"sizes\[N\] is -3 \(int\)"),
    "inputs in a list": (lambda: MODEL.check(inputs=[1, 2]), r"inputs is \[1, 2\] \(list\); give a dictionary"),
    "a page to a file": (lambda: MODEL.report("a.html"), r"seed is 'a.html'.*report\(\)\.save\('a.html'\)"),
    "source of a target": (lambda: MODEL.source("jax"), r"takes no argument without a name, and was given also 'jax'"),
    "the gradient of nothing": (lambda: MODEL.gradient(), r"^gradient\(parameter, \*, expand=\.\.\.\) needs parameter"),
    "half a Hessian": (lambda: MODEL.hessian("w"), r"^hessian\(p, q, \*, expand=\.\.\.\) needs q; .* hessian\(w, w\)"),
    "a Jacobian by nothing": (lambda: MODEL.jacobian("z"), "needs p"),
    "steps misspelt": (lambda: MODEL.show(step=True), "no argument 'step', but steps;"),
    "a model as a function": (lambda: MODEL(1.0), r"such as value\(w, X, y\)"),
    "a Python function": (lambda: Model(lambda w: w**2, [b]), "a function; give the expression"),
    "a Lambda": (lambda: Model(Lambda(b, b**2), [b]), "a function; give the expression"),
    "an entry as a parameter": (lambda: Model(LOSS, [w[0, 0]]), r"the parameter is w, .* model\.gradient\(w\[0, 0\]\)"),
    "a number as a parameter": (lambda: Model(sp.pi * b, [sp.pi]), r"a number of SymPy; .* Symbol\('pi', real=True\)"),
    "an integer as a parameter": (lambda: Model(i * b, [i]), "i is declared an integer, by which nothing is diff"),
    "an equation the wrong way": (lambda: Model(LOSS, [w], where=[(X * w, z)]), r"write Eq\(z, X\*w\)"),
    "a name of nothing": (lambda: Model(LOSS, [w], where={"z": X * w}), "the name 'z', which does not occur in"),
    "an equation as text": (lambda: Model(sumsq(z), [w], where={"z": "X*w"}), r"gives z as 'X\*w' \(str\); .* quotes"),
    "an equation by ==": (lambda: Model(LOSS, [w], where=[z == X * w]), r"is False, as == compares .* Eq\(left"),
    "a fact that is known": (lambda: Model(N * b, [b], facts=[N > 0]), r"facts\[0\] is True: .* leave it out"),
    "numbers": (lambda: sumsq(np.ones(3)), r"numbers are given when the module is called, value\(w="),
    "numbers times symbols": (lambda: total(np.ones((3, 2)) @ MatrixSymbol("w", 2, 1)), "data are symbols in a model"),
    "a list": (lambda: norm1([b, 2]), r"write a vector or matrix as Matrix\(\[b, 2\]\)"),
    "a text for a symbol": (lambda: sumsq("w"), r"sumsq was given 'w' \(str\); give a scalar or a matrix"),
    "a condition": (lambda: sumsq(b > 0), "sumsq was given b > 0"),
    "an array with subscripts": (lambda: norm2(x), r"write Sum\(x\[i\]\*\*2, \(i, 0, N - 1\)\)"),
    "one with two": (lambda: total(A), r"write Sum\(A\[i, j\], \(i, 0, N - 1\), \(j, 0, M - 1\)\)"),
    "one vector of two": (lambda: dot(w), r"^dot\(a, b\) needs b; write it as in dot\(a, b\)"),
    "matrix before vector": (lambda: quad(S, w), "; the vector comes first"),
    "an axis": (lambda: total(w, axis=0), r"^total\(A\) has no argument 'axis'; write it as in total\(X\*w\)"),
    "a name that is none": (lambda: define(5, b), r"the name 5 \(int\); give a text, as in define\('z', X\*w\)"),
    "a limit without ends": (lambda: define("z", x[i] ** 2, i), r"i is no limit; write \(i, 0, N - 1\)"),
    "an equation of matrices in a list": (
        lambda: Model(sumsq(z), [w], where=[[z, "X*w"]]),
        r"where gives z as 'X\*w' \(str\)",
    ),
    "sizes that are none": (lambda: MODEL.check(sizes=[]), r"sizes is \[\] \(list\)"),
    "a workspace by name": (lambda: MODEL.source(workspace="a"), r"workspace is 'a' \(str\)"),
    "a condition by ==": (lambda: symgrad.if_else(b == 0, 1, b), r"given False .* as == compares .* write Eq\(a, b\)"),
    "a number for a condition": (lambda: symgrad.if_else(b, 1, 2), "needs a condition .* was given b"),
    "a function of a list": (lambda: symgrad.sigmoid([b]), r"sigmoid was given \[b\] \(list\); write .* Matrix"),
    "a function of nothing": (lambda: symgrad.relu(None), r"relu was given None \(NoneType\)"),
    "a function of numbers": (lambda: symgrad.exp(np.ones(3)), "exp was given .* data are symbols in a model"),
    "a function of an array": (lambda: symgrad.exp(x), r"x has subscripts; write exp\(x\[i, \.\.\.\]\)"),
    "a softmax along an axis": (lambda: symgrad.softmax(X, axis=0), "^softmax.* has no argument 'axis'"),
    "an inverse of a scalar": (lambda: symgrad.inverse(b), "inverse needs a matrix, or an entry with its limits"),
    "an imaginary symbol": (
        lambda: Model(Symbol("c", imaginary=True) ** 2, ["c"]),
        "c is declared imaginary; symgrad differentiates real",
    ),
    "a determinant of a scalar": (lambda: symgrad.det(b), "det needs a matrix, or an entry with its limits"),
    "half a subscript": (lambda: Model(x[1.5], [x]), "is not an integer for all values of its indices"),
    "a multiple that may be none": (lambda: Model(Sum(x[2.0 * i], (i, 0, 0)), [x]), "is not an integer for all values"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_a_call_that_cannot_be_meant_says_what_to_write(case: str) -> None:
    call, message = CALLS[case]
    with pytest.raises(ModelError, match=message):
        call()


def test_what_sympy_has_left_as_it_was_is_named_with_its_cure() -> None:
    with pytest.raises(UnsupportedError, match=r"Derivative\(b\*\*3, b\).*\.doit\(\) is its value"):
        Model(Derivative(b**3, b), [b])


ATTRIBUTES: dict[str, tuple[Callable[[], Any], str]] = {
    "of a model by meaning": (lambda: MODEL.grad, r"^Model has no attribute 'grad'; write gradient\(parameter\)$"),
    "of a model by letters": (lambda: MODEL.compil, "write compile$"),
    "of a model by nothing": (lambda: MODEL.colour, "^Model has no attribute 'colour'$"),
    "of a module by meaning": (lambda: MODULE.loss, "has no attribute 'loss'; write value$"),
    "of a module by letters": (lambda: MODULE.value_and_gradiant, "write value_and_gradient$"),
    "of a module by an option": (lambda: MODULE.hessian, r"compile\(hessian=True\) makes it"),
    "of the package by meaning": (lambda: symgrad.log_softmax, r"write log\(softmax\(A\)\)"),
    "of the package, SymPy's": (lambda: symgrad.MatrixSymbol, "it is SymPy's: from sympy import MatrixSymbol$"),
    "of a scalar": (lambda: sumsq(X).T, "^Total is a scalar, which has no attribute 'T'$"),
    "of the package by nothing": (lambda: symgrad.colour, "has no attribute 'colour'$"),
}  # fmt: skip


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_an_attribute_that_is_not_there_says_what_is(case: str) -> None:
    look, message = ATTRIBUTES[case]
    with pytest.raises(AttributeError, match=message):
        look()


def test_a_property_that_fails_is_not_taken_for_one_that_is_missing() -> None:
    class Failing(Model):
        @property
        def broken(self) -> Any:
            raise AttributeError("inside")

    with pytest.raises(AttributeError, match=r"^inside$"):
        _ = Failing(LOSS, [w]).broken


def test_a_module_is_no_function() -> None:
    with pytest.raises(TypeError, match=r"as in module\.value\(w, X, y\)"):
        MODULE(np.ones(2))


@pytest.mark.parametrize("table", [spellings.OF_MODELS, spellings.OF_MODULES, spellings.OF_THE_PACKAGE])
def test_what_a_name_means_is_there_and_the_name_is_not(table: dict[str, str]) -> None:
    owner: Any = {id(spellings.OF_MODELS): MODEL, id(spellings.OF_MODULES): MODULE}.get(id(table), symgrad)
    missing = [name for name in table if hasattr(owner, name)]
    assert not missing
    if owner is not symgrad:
        assert all(hasattr(owner, meant.partition("(")[0]) for meant in table.values() if meant.isidentifier())


def test_arguments_are_meant_by_what_there_is() -> None:
    taken = {"parameters", "loss", "facts", "where", "sizes", "path", "target", "check", "seed", "inputs", "format"}
    assert {*spellings.ARGUMENTS.values()} <= taken | {"hessian", "jacobian"}
    assert nearest("sead", ["seed"], {}) == "seed" and nearest("colour", ["seed"], {}) == ""


def test_a_right_call_passes_as_it_is() -> None:
    @checked("f(1)")
    def f(a: int, *more: int, key: int = 0) -> tuple[Any, ...]:
        """What f is."""
        return a, more, key

    assert f(1, 2, key=3) == (1, (2,), 3)
    assert f.__doc__ == "What f is."


def test_names_as_text_and_symbols_as_keys() -> None:
    model = Model(sumsq(z - y), ["w"], where={"z": X * w})
    assert model.where == (Eq(z, X * w),)
    given = {w: np.ones(2), "X": np.ones((3, 2)), y: np.zeros(3)}
    assert model.check(inputs=given).ok
    assert Model(b**2, [b]).hessian("b", "b") == 2
    assert norm1(b) == norm2(b) == sp.Abs(b)


def test_sympy_may_take_signs_out_of_a_scalar_made_of_a_sum_of_matrices() -> None:
    for made in (total(X * w - y), sumsq(X * w - y)):
        assert Model(sp.Abs(made), [w]).gradient(w) is not None  # Abs looks for a sign in the sums inside
        assert sp.Abs(b - made).has(made) and sp.simplify(made) == made
    assert total(X).xreplace({X: S}) == total(S)


@pytest.mark.parametrize(
    "row", [lambda i: sumsq(X[i, :] * w), lambda i: dot(X[i, :], w) ** 2, lambda i: quad(w, X[i, :].T * X[i, :])]
)
def test_a_row_at_an_index_is_a_row(row: Any) -> None:
    model = Model(Sum(row(i), (i, 0, N - 1)), [w])
    assert model.check().ok
    given = {"X": np.array([[1.0, 0.5], [0.25, 2.0], [0.75, 1.0]]), "w": np.array([0.5, 0.25])}
    modules = [one.compile(check=False) for one in (model, Model(sumsq(X * w), [w]))]
    assert np.isclose(*(module.value(**given) for module in modules), rtol=1e-15)


def test_rows_at_an_index_stay_on_the_matrix() -> None:
    with pytest.raises(ModelError, match="subscript 1, i, goes up to N, but the axis has size N"):
        Model(Sum(sumsq(X[i, :] * w), (i, 0, N)), [w])
    with pytest.raises(UnsupportedError, match="only a single row or column of a matrix may be at an index"):
        Model(Sum(sumsq(X[i : i + 2, :] * w), (i, 0, N - 2)), [w])
