"""What `Model` is given: wrong kinds of losses, lists, names, shapes and symbols are refused with what was given."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Matrix, MatrixSymbol, Q, Rational, Sum, Symbol, Tuple, floor, sin, symbols

from symgrad import Model, ModelError, total
from tests.families import one_in

N, M = symbols("N M", integer=True, positive=True)
n = symbols("n", integer=True)
s, r, z = symbols("s r z", real=True)
A = MatrixSymbol("A", M, N)

REFUSED = {
    "a text as loss": (lambda: Model("s**2", [s]), r"the loss is 's\*\*2' \(str\)"),
    "code as loss": (lambda: Model("__import__('os').getcwd()", [s]), r"the loss is .* \(str\)"),
    "neither loss nor names": (lambda: Model(None, [s]), "a model without a loss is what `where` names"),
    "a text as where": (lambda: Model(s**2, [s], where="z = s"), r"where is 'z = s' \(str\); give a list"),
    "a text in where": (lambda: Model(s**2, [s], where=["z = s"]), r"where\[0\] is 'z = s' \(str\)"),
    "a symbol as fact": (lambda: Model(s**2, [s], facts=[s]), r"facts\[0\] is s \(Symbol\), which states nothing"),
    "an expression as fact": (lambda: Model(s**2, [s], facts=[s + 1]), r"facts\[0\] is s \+ 1 \(Add\)"),
    "a text as facts": (lambda: Model(s**2, [s], facts="s > 0"), r"facts is 's > 0' \(str\)"),
    "a text in facts": (lambda: Model(s**2, [s], facts=["s > 0"]), r"facts\[0\] is 's > 0' \(str\)"),
    "a truth as fact": (lambda: Model(s**2, [s], facts=[True]), r"facts\[0\] is True"),
    "a set of parameters": (lambda: Model(s**2, {s}), r"parameters is \{s\} \(set\)"),
    "a text as parameter": (lambda: Model(s**2, ["t"]), r"the parameter 't' does not occur in the loss; it has s"),
    "a parameter of a name that nobody reads": (
        lambda: Model(s**2, [s, r], where=[Eq(z, r**2)]),
        "the parameter r does not occur in the loss; it occurs in z, of which the loss is not made",
    ),
    "a parameter of facts alone": (lambda: Model(s**2, [s, r], facts=[r > 0]), "the parameter r does not occur in the"),
    "a symmetric matrix with two sizes": (
        lambda: Model(total(A), [A], facts=[Q.symmetric(A)]),
        r"the fact Q\.symmetric\(A\) says that A is symmetric, as square matrices are; it has the shape \(M, N\)",
    ),
    "a list in parameters": (lambda: Model(s * r, [[s, r]]), r"\[s, r\] \(list\) is not a Symbol"),
    "a dictionary as parameter": (lambda: Model(s**2, [{}]), r"\{\} \(dict\) is not a Symbol"),
    "an array as parameter": (lambda: Model(s**2, [np.ones(2)]), r"\(ndarray\) is not a Symbol"),
    "a matrix of expressions": (lambda: Model(s**2, Matrix([s, s**2])), r"a matrix that holds s\*\*2; give a MatrixSy"),
    "a matrix of one symbol twice": (lambda: Model(s**2, Matrix([s, s])), "a parameter is given twice"),
    "a number as parameters": (lambda: Model(s**2, 3), r"parameters is 3 \(int\)"),
    "a number as name": (lambda: Model(s**2, [s], name=3), r"name is 3 \(int\); give a text"),
    "a null character in the name": (lambda: Model(s**2, [s], name="a\0b"), r"name is 'a\\x00b'.*control characters"),
    "a line break in the name": (lambda: Model(s**2, [s], name="a\nb"), r"name is 'a\\nb'.*line breaks"),
    "a line separator in the name": (lambda: Model(s**2, [s], name="a\u2028b"), "line breaks"),
    "half a surrogate pair in the name": (lambda: Model(s**2, [s], name="\ud800"), "control characters"),
    **{
        f"a side of {side}": (
            lambda side=side: Model(IndexedBase("x", shape=(N, side))[0, 0], [IndexedBase("x", shape=(N, side))]),
            rf"x: side 1 is {text}; a side is a positive integer",
        )
        for side, text in [
            (2.5, r"2\.5\d*"), (0, "0"), (-3, "-3"), (Rational(1, 2), "1/2"), (N / 2, "N/2"),
            (floor(N / 2), r"floor\(N/2\)"),
            (Symbol("h", integer=False), "h"),
        ]
    },
    "a matrix without rows": (lambda: Model(s + total(MatrixSymbol("A", 0, N)), [s]), "A: side 0 is 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_model_cannot_use_is_refused_with_what_was_given(case):
    build, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        build()


def test_a_single_object_counts_as_a_list_of_one():
    model = Model(z**2, s, where=Eq(z, sin(s)), facts=s > 0)
    assert model.parameters == (s,) and model.where == (Eq(z, sin(s)),) and model.facts == (s > 0,)
    assert Model(s * r, Tuple(s, r)).parameters == (s, r)
    assert model.compile().value(1.0) > 0


HOSTILE = ['x"""); import os; raise SystemExit(("""', "\\", '"', "'''", "{{ 7 * 7 }}{% raw %}", "%s %(a)d", "a" * 5000]


@pytest.mark.parametrize("name", one_in(3, [*HOSTILE, "模型 ∂", ""]))
def test_any_printable_text_may_be_a_name(name, tmp_path):
    model = Model((s - 1) ** 2, [s], name=name)
    module = model.compile()
    assert module.value(3.0) == 4.0
    assert module.__doc__.startswith(f"{name or 'model'}: the loss")
    compile(model.test_source("module"), "test_module.py", "exec")
    assert (name or "model")[:50] in str(model.check())  # a report shortens a very long one


@pytest.mark.parametrize("label", [*HOSTILE, "a\nb\0"])
def test_an_index_of_any_name_does_no_harm_in_the_docstring(label):
    index, x = Symbol(label, integer=True), IndexedBase("x", shape=(N,))
    module = Model(Sum(x[index] ** 2, (index, 0, N - 1)), [x], where=[]).compile()
    assert module.value([1.0, 2.0]) == 5.0


@pytest.mark.parametrize("label", [text for text in HOSTILE if not text.isidentifier()])
def test_a_symbol_of_a_name_that_is_no_identifier_is_refused(label):
    with pytest.raises(ModelError, match="not a Python identifier"):
        Model(Symbol(label, real=True) ** 2, [Symbol(label, real=True)])


@pytest.mark.parametrize("label", ["lambda", "a b", "_m", "float", "np"])
def test_a_dimension_that_an_array_determines_needs_a_good_name_too(label):
    size = Symbol(label, integer=True, positive=True)
    x = IndexedBase("x", shape=(size,))
    with pytest.raises(ModelError, match="name"):
        Model(Sum(x[n] ** 2, (n, 0, size - 1)), [x])
