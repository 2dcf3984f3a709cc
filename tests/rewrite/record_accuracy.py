"""The terms that a rewrite changes as code in float64, before and after it: the errors of both over a logarithmic grid.

Before it a term is printed as it stands, with softmax, logsumexp and softplus by their definitions; after it as
generated code has it. Every real number of the inputs takes every value of the grid; matrices that facts are about are
scaled.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
from sympy import S, exp, log

from symgrad import LogSumExp, Model, softplus
from symgrad.dimensions import concrete
from symgrad.frontend.program import Program
from symgrad.functions import share
from symgrad.generated import imported
from symgrad.graph.build import BALANCED, LOG_SOFTMAX, ONE, SOFTMAX, add, apply, mul, reciprocal, sizes_of, subtract
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.nodes import Add, Apply, AxisMap, Node, Reduce, Use
from symgrad.graph.transform import place, transform
from symgrad.outputs.first_order import BOTH
from symgrad.outputs.function import Function, terms_of, whole
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.pipeline import stabilise
from symgrad.rewrite.record import Record
from symgrad.schedule.cumulative import accumulate
from symgrad.schedule.factorise import factorise
from symgrad.schedule.guards import guard
from symgrad.schedule.lower import lower
from symgrad.targets.numpy.module import module_source
from symgrad.univariate.over import expm1_over, log1p_over

if __package__:
    from .records import OF_CODE, changes, doing, every_record, in_order, scaled, standing, switched_off
    from .samples import SAMPLES, Sample
    from .ulps import GOOD, GRID, NEAR, Errors, ulps
else:
    from records import OF_CODE, changes, doing, every_record, in_order, scaled, standing, switched_off
    from samples import SAMPLES, Sample
    from ulps import GOOD, GRID, NEAR, Errors, ulps

_MOVES = 6
_DIGITS = 350  # 1 + 1e-300 and its logarithm need them

Form = Callable[[dict[str, Any]], Any]
Exact = Callable[[dict[str, Any], Any], Any]
Unit = Callable[[dict[str, Any], Any, Any], Any]  # of exact values

# Where errors are not those of single numbers. A logarithm of a product near 1 becomes a sum that cancels, as accurate
# as its largest term, for it must not overflow; an inverse or an adjugate is as accurate as its largest entry (Higham,
# Accuracy and Stability of Numerical Algorithms, 2002, chapter 14).
_UNITS = {"log_of_product": "terms", "log_determinant": "terms", "adjugates": "array", "cancel_inverse": "array"}

# exp(log f): of the exponent's digits those before the point are lost to those behind it.
_UNITS |= {"product_with_gammas": "exponent"}

# Products in another order: of numbers that are larger or smaller they overflow or underflow in other places.
_REORDERING = {
    "quotient",
    "flatten_products",
    "use_diagonals",
    "adjugates",
    "distribute",
    "share",
    "squares",
    "solve_first",
    "log_of_hyperbolic_cosines",  # whose exponentials another record shifts
    "log_of_product",  # likewise, where hyperbolic functions grow against each other
}
_MODERATE = (1e-40, 300.0)


def errors_of_record(name: str, values: Any = GRID) -> Errors:
    """Both forms of every term that the record changes in its samples; every number takes all of these values."""
    record = every_record()[name]
    found = []
    for sample in SAMPLES[name]:
        model = sample.model()
        grid = list(_grid(sample, model, values, name in _REORDERING))
        if name in OF_CODE:
            found.append(_errors(*_modules(record, sample), grid))
        else:
            pairs = changes(record, sample.model(), sample.request)
            found += [_errors(*_forms(record, model, pair), grid) for pair in pairs]
    return Errors(
        [point for part in found for point in part.points],
        *(np.concatenate([getattr(part, field) for part in found]) for field in ("plain", "replaced", "condition")),
    )


def _errors(
    plain: Form, replaced: Form, exact: Exact, unit: Unit, grid: Sequence[tuple[dict[str, Any], Any]]
) -> Errors:
    """The errors of two forms, each an array of numbers, in the `unit` of each of them."""
    rng = np.random.default_rng(0)
    columns: list[list[Any]] = [[], [], [], []]
    for inputs, sizes in grid:
        right = exact(inputs, sizes)
        units = unit(inputs, sizes, right)
        before, after = (_ulps_of(form(inputs), right, units) for form in (plain, replaced))
        condition = np.zeros(len(right))
        if np.any(after > GOOD):
            for _ in range(_MOVES):
                moved = _ulps_of(exact(_moved(inputs, rng), sizes), right, units)
                condition = np.maximum(condition, moved)
        if np.any((after > np.maximum(GOOD, condition)) & (before <= GOOD)):
            for step in NEAR:
                close = {k: v * (1 + step) if np.asarray(v).dtype.kind == "f" else v for k, v in inputs.items()}
                there = exact(close, sizes)
                before = np.maximum(before, _ulps_of(plain(close), there, unit(close, sizes, there)))
        point = ", ".join(f"{k} = {np.ravel(v).tolist()}" for k, v in inputs.items())
        for n in np.flatnonzero([bool(mpmath.isfinite(value)) for value in right]):
            for column, part in zip(columns, (point, before[n], after[n], condition[n]), strict=True):
                column.append(part)
    return Errors(columns[0], *(np.array(column, dtype=float) for column in columns[1:]))


def _ulps_of(values: Any, exact: Sequence[Any], units: Sequence[Any]) -> Any:
    numbers = np.broadcast_to(np.ravel(values), len(exact))
    found = [ulps(a, b, unit) if mpmath.isfinite(b) else 0.0 for a, b, unit in zip(numbers, exact, units, strict=True)]
    return np.array(found)


def _forms(record: Record[..., Any], model: Model, pair: tuple[Use, Use]) -> tuple[Form, Form, Exact, Unit]:
    """A term as code without the rewrite and with it, its exact value, and the size that errors are relative to."""
    before, after, rank = in_order(pair)
    lengths, module = sizes_of([before, after]), model.program
    with doing(record, switched_off):
        plain = _code(module, _plain(_scheduled(before)), rank)
    replaced = _code(module, _scheduled(after), rank)

    def exact(inputs: dict[str, Any], sizes: Any, use: Use = after) -> Any:
        whole = tuple(concrete(lengths[letter], sizes) for letter in range(rank))
        with mpmath.workdps(_DIGITS):
            return np.broadcast_to(GraphEvaluator(inputs, sizes)(use, rank), whole).ravel()

    def unit(inputs: dict[str, Any], sizes: Any, values: Any) -> Any:
        if _UNITS.get(record.name) == "array":
            return [max(map(abs, values))] * len(values)
        if _UNITS.get(record.name) == "terms" and isinstance(after.node, Add):
            terms = [exact(inputs, sizes, place(term, after.letters)) for term in after.node.uses()]
            return [max(map(abs, column)) for column in zip(values, *terms, strict=True)]
        if _UNITS.get(record.name) == "exponent":
            return [745 * value for value in values]  # the largest exponent of float64
        return values

    return plain, replaced, exact, unit


def _modules(record: Record[..., Any], sample: Sample) -> tuple[Form, Form, Exact, Unit]:
    """The same of loss and gradient, for a rewrite that changes how a module computes its terms."""
    model = sample.model()
    replaced = imported(model.source(), "with")
    with doing(record, lambda *given: OF_CODE[record.name](*given)):
        plain = imported(sample.model().source(), "without")
    (both,) = (function for function in model._first_order if function.name == BOTH)
    loss, *gradient = terms_of(both.result)

    def form(module: Any) -> Form:
        def numbers(inputs: dict[str, Any]) -> Any:
            with np.errstate(all="ignore"):
                value, gradient = module.value_and_gradient(**inputs)
            return np.concatenate([np.ravel(part) for part in (value, *gradient)])

        return numbers

    def exact(inputs: dict[str, Any], sizes: Any) -> Any:
        with mpmath.workdps(_DIGITS):
            evaluate = GraphEvaluator(inputs, sizes)
            parts = [
                (loss, ()),
                *zip(gradient, (p.shape for p in model.program.parameters.values()), strict=True),
            ]
            return np.concatenate(
                [np.broadcast_to(evaluate(use, len(shape)), evaluate.shape(shape)).ravel() for use, shape in parts]
            )

    return form(plain), form(replaced), exact, lambda inputs, sizes, values: values


def _grid(sample: Sample, model: Model, values: Any, moderate: bool) -> Iterator[tuple[dict[str, Any], Any]]:
    """Inputs whose numbers take every value of the grid, in different orders, and their sizes."""
    sizes = sample.sizes or {str(d): 1 if str(d) == "N" else 2 for d in model.program.dimensions}
    if moderate:
        values = values[(abs(values) > _MODERATE[0]) & (abs(values) < _MODERATE[1])]
    (draw,) = model.draws(model.compile(check=False), seed=0, sizes=sizes)[:1]
    rng = np.random.default_rng(0)
    orders = {name: [rng.permutation(values) for _ in range(np.size(value))] for name, value in draw.inputs.items()}
    for n in range(len(values)):
        inputs = {}
        for argument in model.arguments:
            name, value = argument.name, np.asarray(draw.inputs[argument.name])
            here = np.array([order[n] for order in orders[name]]).reshape(value.shape)
            if scaled(draw, name):
                value = value * abs(values[n] or 1.0)
            elif value.dtype.kind == "f" and not standing(draw, name):
                value = np.where(here == 0, 1.0, abs(here)) if argument.symbol.is_positive else here
            inputs[name] = value[()] if value.dtype.kind == "f" else draw.inputs[name]
        yield {**inputs, **sample.inputs}, draw.sizes


def _moved(inputs: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Every real number moved to a neighbour."""
    return {
        name: np.nextafter(value, rng.choice([-np.inf, np.inf], size=np.shape(value)))
        if np.asarray(value).dtype.kind == "f"
        else value
        for name, value in inputs.items()
    }


def _plain(use: Use) -> Use:
    """A term with the functions that no code has spelled out by their definitions."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if isinstance(node, Reduce) and node.head is LogSumExp:
            return apply(log, [mul([apply(exp, [uses[0]])], dict(enumerate(node.bound, node.rank)))])
        if isinstance(node, AxisMap) and node.head in (SOFTMAX, LOG_SOFTMAX):
            whole = apply(exp, [uses[0]])
            made = mul([whole, reciprocal(mul([whole], {axis: node.shape[axis] for axis in node.over}))])
            return made if node.head == SOFTMAX else apply(log, [made])
        if isinstance(node, AxisMap) and node.head == BALANCED:
            return subtract(uses[0], uses[1])
        if isinstance(node, Apply) and node.head is share:
            first, second = (apply(exp, [one]) for one in uses)
            return mul([first, reciprocal(add([(S.One, first), (S.One, second)]))])
        if isinstance(node, Apply) and node.head in (expm1_over, log1p_over):
            inner, by = mul(list(uses)), reciprocal(uses[0])
            made = (
                subtract(apply(exp, [inner]), ONE) if node.head is expm1_over else add([(S.One, ONE), (S.One, inner)])
            )
            return mul([made if node.head is expm1_over else apply(log, [made]), by])
        if isinstance(node, Apply) and node.head is softplus:
            return apply(log, [add([(S.One, ONE), (S.One, apply(exp, [uses[0]]))])])
        return None

    return transform([use], visit)[0]


def _scheduled(use: Use) -> Use:
    return factorise(lower(accumulate(guard(stabilise([use], Trace())))))[0]


def _code(program: Program, use: Use, rank: int) -> Form:
    """A term as a function of inputs."""
    sizes = sizes_of([use])
    letters = sorted(sizes)
    axes = {letter: axis for axis, letter in enumerate(letters)}
    inner = Use(use.node, tuple(axes[x] for x in use.letters))
    array = whole("out", inner, tuple(sizes[x] for x in letters))
    made = Function("term", ("A term.",), program.arguments, array)
    function = imported(module_source(program, [made], "", (), ""), "term").term
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    places = tuple(slice(None) if letter in axes else None for letter in range(rank))

    def value(inputs: dict[str, Any]) -> Any:
        with np.errstate(all="ignore"):
            try:
                return np.asarray(function(**{name: inputs[name] for name in names}))[places]
            except np.linalg.LinAlgError:  # a singular matrix, to float64
                return np.array(np.nan)

    return value
