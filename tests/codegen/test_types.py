"""Generated functions are typed: what they take and return is what their annotations say, and an editor sees it."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_overloads, get_type_hints

import numpy as np
import pytest
from scipy.sparse import csr_array
from sympy import Eq, HadamardProduct, IndexedBase, MatrixSymbol, Sum, Symbol, Trace, exp, symbols, tanh

from symgrad import Model, sumsq
from symgrad.interface import GeneratedModule

N, M = symbols("N M", integer=True, positive=True)
i = Symbol("i", integer=True)
X, W, w, y = MatrixSymbol("X", N, M), MatrixSymbol("W", M, N), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
a, b, c = MatrixSymbol("a", 1, 1), Symbol("b", real=True), Symbol("c", real=True)
x, t = IndexedBase("x", shape=(N,)), IndexedBase("t", shape=(N,), integer=True)
rng = np.random.default_rng(0)
ARRAYS = {"X": rng.normal(size=(4, 3)), "W": rng.normal(size=(3, 4)), "w": rng.normal(size=3), "y": rng.normal(size=4)}
ARRAYS |= {"a": np.ones((1, 1)), "b": np.array(0.5), "c": np.array(-0.25), "x": rng.normal(size=4)}
LABELS = {"t": np.array([0, 2, 1, 1])}
CASES = {
    "matrices": Model(sumsq(X * w - y), [w]),
    "numbers": Model(3 * b**2 + exp(b * c), [b, c]),
    "one number": Model(3 * b**2, [b]),
    "both": Model(sumsq(X * w - y) + c**2, [w, c]),
    "one by one": Model(Trace(a * a) + b, [a, b]),
    "subscripts": Model(Sum(tanh(b * x[t[i]]) ** 2, (i, 0, N - 1)), [x, b]),
    "constant": Model(2 * b, [b]),
    "entries": Model(Sum(exp(x[i]), (i, 0, N - 1)), [x]),
    "named": Model(sumsq(HadamardProduct(W.T, X)), [W], where=[Eq(MatrixSymbol("Z", N, M), X)]),
}


def _conforms(result: Any, kind: Any) -> None:
    """What a function returns is of the type that its annotation says."""
    if kind is np.floating or getattr(kind, "__origin__", None) is np.floating:
        assert isinstance(result, np.floating), (type(result), kind)
    elif getattr(kind, "__origin__", None) is np.ndarray:
        assert isinstance(result, np.ndarray), (type(result), kind)
    elif getattr(kind, "__origin__", None) is tuple:
        for part, inner in zip(result, kind.__args__, strict=True):
            _conforms(part, inner)
    else:
        assert isinstance(result, kind), (type(result), kind)
        fields = kind.__annotations__ | get_type_hints(kind)
        for name in kind._fields:
            _conforms(getattr(result, name), fields[name])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES)
def test_results_are_what_annotations_say(case: str, dtype: type) -> None:
    module = CASES[case].compile(check=False, hessian=True, hvp=True)
    given = {name: ARRAYS[name].astype(dtype) if name in ARRAYS else LABELS[name] for name in module.ARGUMENTS}
    direction = tuple(given[name] for name in module.PARAMETERS)
    for name in ("value", "gradient", "value_and_gradient", "hessian", "hessian_vector_product"):
        function = getattr(module, name)
        more = (direction,) if name == "hessian_vector_product" else ()
        _conforms(function(*more, **given), get_type_hints(function)["return"])
    flat = module.pack(*direction)
    data = {name: one for name, one in given.items() if name not in module.PARAMETERS}
    _conforms(module.unpack(flat, **data, **({"N": 4} if case == "entries" else {})), module.Parameters)


@pytest.mark.parametrize("case", CASES)
def test_functions_take_and_return_nothing_of_unknown_type(case: str) -> None:
    text = CASES[case].source(hessian=True, hvp=True, workspace=True)
    for node in ast.parse(text).body:
        # what `bind` is not given yet has no type
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name != "bind":
            given = [one for one in node.args.args + node.args.kwonlyargs if not one.arg.startswith("_")]
            types = [ast.unparse(one) for one in (node.returns, *(arg.annotation for arg in given)) if one is not None]
            assert len(types) == 1 + len(given) and "Any" not in types and "tuple[Any" not in " ".join(types), node.name
        if isinstance(node, ast.ClassDef) and node.name in ("Gradient", "Parameters", "Hessian"):
            assert "Any)" not in ast.unparse(node.bases[0]) if node.bases else True
            fields = [ast.unparse(one.annotation) for one in node.body if isinstance(one, ast.AnnAssign)]
            assert [one for one in fields if one == "Any"] in ([], ["Any"])  # __array_ufunc__


def test_sparse_matrices_are_in_the_types_where_they_are_taken() -> None:
    module = Model(sumsq(X * w - y), [w]).compile(check=False)
    assert get_type_hints(module.value)["X"] != get_type_hints(module.value)["y"]
    assert "X: ArrayLike | SparseMatrix, y: ArrayLike" in inspect.getsource(module.value)
    assert module.value(w=np.ones(3), X=csr_array(ARRAYS["X"]), y=ARRAYS["y"]) > 0


def test_help_and_completion_show_what_a_user_needs() -> None:
    """No union of everything that NumPy takes for an array, and nothing that the module imports or keeps to itself."""
    module = CASES["matrices"].compile(check=False)
    assert str(inspect.signature(module.value)).startswith("(w: 'ArrayLike', X: 'ArrayLike | SparseMatrix', y: ")
    assert {"value", "gradient", "bind", "Gradient", "ARGUMENTS"} <= {*dir(module)}
    assert not {"np", "Any", "NamedTuple", "ArrayLike", "annotations", "_arguments"} & {*dir(module)}


def test_long_signatures_fit_the_page() -> None:
    names = [Symbol(f"parameter_{n}", real=True) for n in range(12)]
    head = Model(sum(name**2 for name in names), names).source().partition("\ndef value(")[2].partition('"""')[0]
    assert max(map(len, head.splitlines())) <= 120 and len(head.splitlines()) == 6


def test_a_function_that_was_not_asked_for_is_named_with_what_makes_it() -> None:
    module = CASES["numbers"].compile(check=False)
    for name, asked in (
        ("hessian", "hessian=True"),
        ("hessian_vector_product", "hvp=True"),
        ("Workspace", "workspace"),
    ):
        with pytest.raises(AttributeError, match=rf"no attribute '{name}'; compile\({asked}"):
            getattr(module, name)
    with pytest.raises(AttributeError, match=r'compile\(jacobian=\["Z"\]\)'):
        module.jacobian_Z  # noqa: B018
    assert not hasattr(module, "hessians") and isinstance(module, GeneratedModule)


@pytest.mark.long
def test_who_calls_them_is_checked(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(CASES["both"].source(hessian=True), encoding="utf-8")
    (tmp_path / "use.py").write_text(
        "import numpy as np\n"
        "from symgrad import Model\n"
        "import made\n"
        "X, y = np.ones((4, 3)), [1.0, 2.0, 3.0, 4.0]\n"
        "reveal_type(made.value([1, 2, 3], 0.5, X, y))\n"
        "reveal_type(made.gradient(np.ones(3), 0.5, X, y).w)\n"
        "reveal_type(made.value_and_gradient(np.ones(3), 0.5, X, y)[1].c)\n"
        "reveal_type(made.hessian(X).w.c)\n"
        "made.value(object(), 0.5, X, y)\n"
        "def of_a_model(model: Model) -> None:\n"
        "    module = model.compile()\n"
        "    reveal_type(module.value(1.0))\n"
        "    reveal_type(module.gradient(1.0).w)\n"
        "    reveal_type(module.bind(X=X).flat_value_and_gradient([1.0])[1])\n"
        "    module.value(object())\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--strict", "use.py"]
    paths = os.environ | {"MYPYPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=paths)
    lines = ran.stdout.splitlines()
    shown = [line.partition("Revealed type is ")[2].strip('"') for line in lines if "Revealed" in line]
    number, array = "numpy.floating[Any]", "numpy.ndarray[tuple[Any, ...], numpy.dtype[Any]]"
    assert [one.replace("builtins.", "") for one in shown] == [number, array, number, array, number, array, array]
    wrong = [line for line in lines if "error:" in line]
    assert [line.split(":")[1] for line in wrong] == ["9", "15"], ran.stdout


def test_every_way_to_call_compile_takes_the_same() -> None:
    """Of the overloads only the target and what comes back differ."""
    own = inspect.signature(Model.compile).parameters
    ways = [inspect.signature(way).parameters for way in get_overloads(Model.compile)]
    assert len(ways) == 3
    for way in ways:
        assert [*way] == [*own]
        assert [one.annotation for name, one in way.items() if name != "target"] == [
            one.annotation for name, one in own.items() if name != "target"
        ]
