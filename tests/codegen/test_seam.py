"""A function with rows in parts that a driver of chunks calls: chunks apart, in any order, joined in any tree.

The driver knows a seam and the names of a module's functions, and no model: before the rows once, the rows of each
chunk by itself, what they give joined by their operations, what follows from it once.
"""

import operator
from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, exp, log, symbols

from symgrad import LogSumExp, Model
from symgrad.cli.model_file import ModelReference, load_model
from symgrad.outputs.function import axes_of
from symgrad.outputs.second_order import ready, second_order
from symgrad.statements.seam import AFTER, Section, seam_of
from symgrad.statements.spec import check
from symgrad.statements.statements import Once
from symgrad.targets.numpy.function import PrintedFunction, print_function
from tests.families import one_in

from .test_rounds import MODELS as IN_ROUNDS

EXAMPLES = Path(__file__).parents[2] / "examples"
JOINS = {"add": operator.add, "maximum": np.maximum, "minimum": np.minimum}

N, M, K = symbols("N M K", integer=True, positive=True)
n, i, j, k = symbols("n i j k", integer=True)
x, w, c = IndexedBase("x", shape=(N, M)), IndexedBase("w", shape=(M,)), IndexedBase("c", shape=(N,))
mu, alpha = IndexedBase("mu", shape=(K, M)), IndexedBase("alpha", shape=(K,))
SCORE = Sum(x[n, j] * exp(w[j]), (j, 0, M - 1))
S = IndexedBase("S", shape=(N, K))
MODELS = {
    "a mean with a penalty": Model(Sum((SCORE - c[n]) ** 2, (n, 0, N - 1)) / N + Sum(w[j] ** 2, (j, 0, M - 1)), [w]),
    "totals of data": Model(Sum(log(c[n] ** 2 + 1) + SCORE**2, (n, 0, N - 1)) * Sum(w[j], (j, 0, M - 1)), [w]),
    "a mixture": Model(
        N * LogSumExp(alpha[k], (k, 0, K - 1)) - Sum(LogSumExp(S[n, k], (k, 0, K - 1)), (n, 0, N - 1)),
        [alpha, mu],
        where=[Eq(S[n, k], alpha[k] - Sum((x[n, j] - mu[k, j]) ** 2, (j, 0, M - 1)))],
    ),
}
QUICK = ("logistic.py", "logistic.py:log_likelihood", "mixture.py", "multilayer.py", "poisson.py", "ridge.py")


def flattened(results: tuple[Any, ...]) -> tuple[Any, ...]:
    """Results with those that are joined together, which come in a tuple, one by one."""
    return (*results[0], *results[1:])


class Driver:
    """Computes functions of a module from chunks of its data."""

    def __init__(self, module: Any, rng: np.random.Generator) -> None:
        self.module, self.rng = module, rng

    def call(self, name: str, scope: dict[str, Any]) -> Any:
        function = getattr(self.module, name)
        return function(**{parameter: scope[parameter] for parameter in signature(function).parameters})

    def scope(self, printed: PrintedFunction, given: dict[str, Any]) -> dict[str, Any]:
        """The variables that the function begins with."""
        scope = {shape: np.shape(given[name]) for name, shape in printed.given_shapes.items()}
        for argument in printed.arguments:
            array, axes = np.asarray(given[argument.name]), axes_of(argument)
            if array.ndim > len(axes):  # a matrix of one column
                array = array.reshape([n for n, side in zip(array.shape, argument.shape, strict=True) if side != 1])
            scope |= {argument.name: array[()], **{str(side): n for side, n in zip(axes, array.shape, strict=True)}}
        return scope

    def joined(self, sums: list[tuple[Any, ...]], joins: Sequence[str]) -> tuple[Any, ...]:
        """Two at a time, whichever."""
        together = sum(join in ("largest", "scaled") for join in joins)
        while len(sums) > 1:
            one, other = (sums.pop(int(self.rng.integers(len(sums)))) for _ in range(2))
            first = self.module._after_the_larger(one[:together], other[:together]) if together else ()
            rest = zip(joins[together:], one[together:], other[together:], strict=True)
            sums.append((*first, *(JOINS[join](a, b) for join, a, b in rest)))
        return sums[0]

    def whole(self, printed: PrintedFunction, given: dict[str, Any], ends: Sequence[int]) -> Any:
        """The function, of chunks that end there."""
        seam = seam_of(printed.body.body)
        assert seam is not None
        scope = self.scope(printed, given) | {"memory": None, "span": None}
        for one in printed.body.body.statements:
            if isinstance(one, Once):  # of all data
                made = self.call(f"_{one.name}", scope)
                made = made if len(one.results) != 1 else (made,)
                scope |= {b.name: value for b, value in zip(one.results, made, strict=True)}
        chunks: list[dict[str, Any]] = [{} for _ in ends]
        for part in seam.parts:
            name = f"_{printed.function.name}_{part.name}"
            if isinstance(part, Section):
                if part.name == AFTER and not part.computes:
                    return eval(printed.body.parts.result, {**vars(self.module), **scope})
                made = self.call(name, scope) if part.computes else ()
                if part.name == AFTER:
                    return made
                made = made if len(part.gives) != 1 else (made,)
                scope |= {b.buffer.name: value for b, value in zip(part.gives, made, strict=True)}
                continue
            sums = []
            for number in self.rng.permutation(len(ends)):
                mine = slice(([0, *ends])[number], ends[number])
                rows = {buffer.name: scope[buffer.name][mine] for buffer in part.arguments}
                made = self.call(name, scope | chunks[number] | rows)
                made = dict(zip(part.results, flattened(made) if "largest" in part.joins else made, strict=True))
                kept = {b: join == "rows" for b, join in zip(part.results, part.joins, strict=True)}
                chunks[number] |= {b.name: value[0] for b, value in made.items() if kept[b]}
                sums.append(tuple(value for b, value in made.items() if not kept[b]))
            names = [b.name for b in part.results if not kept[b]]
            scope |= dict(zip(names, self.joined(sums, [join for join in part.joins if join != "rows"]), strict=True))
        raise AssertionError("a seam ends with a section")


def flat(result: Any) -> list[np.ndarray]:
    if isinstance(result, tuple):
        return [array for part in result for array in flat(part)]
    return [np.asarray(result)]


def compare(model: Model, given: dict[str, Any] | None = None, hessian: bool = False) -> int:
    """Every function with rows, from chunks, is that of all rows; says how many there were."""
    module, rng = model.compile(check=False, hessian=hessian), np.random.default_rng(5)
    given = given or dict(model.draws(module)[0].inputs)
    functions = [*model._first_order]
    if hessian:
        more = second_order(model.derivation, model._request(True, False, ()), lambda *_: None)
        functions += ready(more, model.derivation)
    driver, found = Driver(module, rng), 0
    shared: dict[tuple[object, ...], str] = {}
    for function in functions:
        printed = print_function(function, model.derivation.program)
        printed = replace(printed, body=printed.body.shared(shared))
        seam = seam_of(printed.body.body)
        if seam is None:
            continue
        check(printed.body.body, function.name)
        found += 1
        count = len(given[seam.rounds[0][0].arguments[0].name])
        cuts = sorted({int(cut) for cut in rng.integers(1, count, 3)} if count > 1 else ())
        with np.errstate(all="ignore"):
            wanted = getattr(module, function.name)(**{name: given[name] for name in printed.names})
            got = driver.whole(printed, given, [*cuts, count])
        for a, b in zip(flat(got), flat(wanted), strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * np.max(np.abs(b), initial=1.0))
    return found


@pytest.mark.parametrize("name", [*IN_ROUNDS, *MODELS])
def test_chunks_joined_in_any_tree_give_the_function_of_all_rows(name: str) -> None:
    model = MODELS[name] if name in MODELS else IN_ROUNDS[name][0]
    rng, sizes = np.random.default_rng(3), {N: 40, M: 4, K: 3}
    given = {a.name: rng.normal(size=[sizes[side] for side in a.shape]) for a in model.arguments}
    whole = name in ("attention over rows", "cross-entropy over rows")  # of these only the value has rows in blocks
    assert compare(model, given) == (1 if whole else 3)


@pytest.mark.parametrize("reference", one_in(4, QUICK))
def test_chunks_of_an_example_give_its_functions(reference: str) -> None:
    model = load_model(ModelReference.parse(str(EXAMPLES / reference)))
    assert compare(model, hessian=reference in ("logistic.py", "poisson.py", "ridge.py")) >= 3


def test_parts_say_what_they_are_for() -> None:
    source = MODELS["a mean with a penalty"].source()
    assert '"""What is the same for all rows, for `value_and_gradient`."""' in source
    assert '"""What follows from all rows, for `value_and_gradient`."""' in source
