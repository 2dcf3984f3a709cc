"""Checks a generated module against numerical gradients, at several sizes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sympy import Basic, Expr, Symbol

from symgrad.arguments import Argument
from symgrad.errors import ModelError
from symgrad.verify.complex_step import ComplexStep
from symgrad.verify.edges import Check, Formula, check_empty, check_kinks, empty_draw, empty_sizes
from symgrad.verify.kink_points import MOST_NUMBERS, Kinks, reached
from symgrad.verify.point import Held, PointCheck, Reference
from symgrad.verify.reference import evaluate
from symgrad.verify.report import CheckReport, Link, Run
from symgrad.verify.sampling import Draw, Sampler
from symgrad.verify.second_order import SecondOrder, SecondOrderCheck
from symgrad.verify.sizes import in_shape, is_legal, model_dimensions, named_sizes, size_sets, sizes_of_inputs

SINGULAR = (
    1e-10  # a matrix so near to singular has no digit right in an inverse; rounding leaves 1e-17 of a singular one
)


def check_module(
    module: Any,
    arguments: Sequence[Argument],
    facts: Sequence[Basic] = (),
    *,
    seed: int = 0,
    sizes: Mapping[Any, int] | Sequence[Mapping[Any, int]] | None = None,
    inputs: Mapping[str, Any] | None = None,
    kink_distance: Callable[[dict[str, Any]], float] | None = None,
    conditioning: Callable[[dict[str, Any]], float] | None = None,
    dimensions: Sequence[Symbol] = (),
    minimum_sizes: Mapping[Symbol, int] | None = None,
    lengths: Sequence[Expr] = (),
    margins: Sequence[Expr] = (),
    reference: Reference | None = None,
    where: Sequence[Basic] = (),
    name: str = "",
    second: SecondOrder | None = None,
    held: Held | None = None,
    complex_step: ComplexStep | None = None,
    chain: Callable[[Draw, np.random.Generator], tuple[Link, ...]] | None = None,
    formula: Formula | None = None,
    kinks: Kinks | None = None,
) -> CheckReport:
    """Check a generated module.

    At each set of sizes inputs are drawn that satisfy the facts, `value_and_gradient` is compared with numerical
    derivatives of `value`, and the functions of the module are compared with each other, in float64 and in float32.
    Where sizes and inputs are not given, that is also done with an axis of the data empty, and (without numerical
    derivatives) at a kink.

    Parameters
    ----------
    module : an object with the functions `value`, `gradient` and `value_and_gradient`, which take arguments by name.
    arguments : the module's arguments; those with the role "parameter" are differentiated by, in this order.
    facts : SymPy statements that the inputs satisfy.
    seed : of the random inputs; the same seed gives the same report.
    sizes : sizes to use, by dimension or its name: one set or several; by default several are chosen (`size_sets`).
    inputs : values for some or all arguments, by name; the others are drawn.
    kink_distance : the relative distance of inputs to the nearest point where the loss is not smooth.
    conditioning : how far the matrices that the loss inverts are from singular: inputs are drawn where it is positive.
    dimensions : the model's dimensions; by default those that the arguments' shapes mention.
    minimum_sizes : the least size of a dimension, where it is not 1.
    lengths, margins : expressions of dimensions: at sizes where one is negative there is no model to check.
    reference : computes the loss independently, from inputs and sizes; `value` has to agree with it.
    held : the loss at some inputs with what the model holds constant as it is at others.
    where : the model's named intermediates, which facts may be about.
    name : the model's name, for the report.
    second : the second derivatives and Jacobians to check as well.
    complex_step : the loss that is differentiated, on complex numbers.
    chain : compares the stages of the compiler with each other; done at the first draw and at a kink.
    formula : loss and gradient in exact arithmetic, nan where they are not defined; asked for where an axis is empty.
    kinks : every kink by itself, so that those are looked for that no zeros reach.

    Returns
    -------
    CheckReport

    Raises
    ------
    ModelError
        If no inputs can be drawn that satisfy the facts and make the loss finite; if `inputs` or `sizes` do not fit.
    """
    draws = draw_inputs(
        module,
        arguments,
        facts,
        seed=seed,
        sizes=sizes,
        inputs=inputs,
        kink_distance=kink_distance,
        conditioning=conditioning,
        dimensions=dimensions,
        minimum_sizes=minimum_sizes,
        lengths=lengths,
        margins=margins,
        reference=reference,
        where=where,
    )

    def check(draw: Draw, number: int) -> PointCheck:
        # A generator for each run: what it chooses does not depend on the others.
        return PointCheck(
            module, arguments, draw, np.random.default_rng([seed, number, 1]), reference, held, complex_step
        )

    runs: list[Run] = []
    for number, draw in enumerate(draws):
        run = check(draw, number).run()
        if second is not None:
            more = SecondOrderCheck(module, arguments, draw, np.random.default_rng([seed, number, 2]), second).run()
            run = replace(run, entries=run.entries + more.entries, findings=run.findings + more.findings)
        if chain is not None and number == 0:
            run = replace(run, links=chain(draw, np.random.default_rng([seed, number, 3])))
        runs.append(run)
    edges: list[Run] = []
    if sizes is None and not inputs:
        number = len(draws)

        def sampler(chosen: Mapping[Basic, int]) -> Sampler:
            return Sampler(arguments, facts, chosen, np.random.default_rng([seed, number]), where=where)

        def emptied(drawn: Sampler, at: Mapping[Basic, int]) -> Draw:
            return _draw(drawn, module, None, at, None, conditioning)

        for of_parameters in (False, True):
            candidates = empty_sizes(arguments, minimum_sizes or {}, lengths, draws[0].sizes, of_parameters)
            empty = empty_draw(sampler, candidates, emptied)
            if empty is not None:
                edges.append(check_empty(*empty, module, reference, formula, lambda draw: check(draw, number)))
        if kink_distance is not None:
            distance, here = kink_distance, sampler(draws[0].sizes)

            def tied(inputs: dict[str, Any]) -> bool:
                small = sum(map(np.size, inputs.values())) <= MOST_NUMBERS
                return kinks is not None and small and bool(reached(kinks, inputs, draws[0].sizes))

            def at_kink(inputs: dict[str, Any]) -> bool:
                """Whether inputs satisfy the facts, and the loss has a value and a kink there."""
                try:
                    if (distance(inputs) != 0 and not tied(inputs)) or not here.satisfies(inputs):
                        return False
                    if conditioning is not None and conditioning(inputs) <= SINGULAR:
                        return False
                    return reference is None or math.isfinite(reference(inputs, draws[0].sizes))
                except (ArithmeticError, ValueError, IndexError):
                    return False

            at_edge: Check = lambda draw: check(draw, number)  # noqa: E731
            for run, there in check_kinks(draws[0], arguments, at_kink, kinks, at_edge, formula):
                if there is not None and chain is not None:
                    run = replace(run, links=chain(there, np.random.default_rng([seed, number, 3])))
                edges.append(run)
    parameters = tuple(argument.name for argument in arguments if argument.role == "parameter")
    labels = second.labels(parameters) if second is not None else ()
    return CheckReport(name, seed, (*parameters, *labels), tuple(runs), tuple(edges))


def draw_inputs(
    module: Any,
    arguments: Sequence[Argument],
    facts: Sequence[Basic] = (),
    *,
    seed: int = 0,
    sizes: Mapping[Any, int] | Sequence[Mapping[Any, int]] | None = None,
    inputs: Mapping[str, Any] | None = None,
    kink_distance: Callable[[dict[str, Any]], float] | None = None,
    conditioning: Callable[[dict[str, Any]], float] | None = None,
    dimensions: Sequence[Symbol] = (),
    minimum_sizes: Mapping[Symbol, int] | None = None,
    lengths: Sequence[Expr] = (),
    margins: Sequence[Expr] = (),
    reference: Reference | None = None,
    where: Sequence[Basic] = (),
) -> list[Draw]:
    """The inputs at which `check_module` checks, one draw for each set of sizes; its parameters have the same meaning.

    Raises
    ------
    ModelError
        As `check_module` does.
    """
    given = {} if inputs is None else {key: in_shape(arguments, key, value) for key, value in inputs.items()}
    dimensions = tuple(dimensions) or model_dimensions(arguments)
    draws: list[Draw] = []
    impossible: list[ModelError] = []  # at some sizes only, as orthonormal columns with too few rows are
    for number, chosen in enumerate(_size_sets(arguments, dimensions, minimum_sizes, lengths, margins, sizes, given)):
        sampler = Sampler(arguments, facts, chosen, np.random.default_rng([seed, number]), given, where)
        try:
            draws.append(_draw(sampler, module, reference, chosen, kink_distance, conditioning))
        except ModelError as problem:
            if sizes is not None or given or sampler.unmet is not None:
                raise  # the last: a fact about a name, which is not likely to be true
            impossible.append(problem)
    if not draws:
        raise (
            impossible[0]
            if impossible
            else ModelError(
                f"the shapes fit together{' and subscripts stay inside their axes' if margins else ''} at none of the "
                "sizes tried: give sizes="
            )
        )
    return [replace(draws[0], notes=tuple(map(str, impossible))), *draws[1:]]


def _draw(
    sampler: Sampler,
    module: Any,
    reference: Reference | None,
    sizes: Mapping[Basic, int],
    kink_distance: Callable[[dict[str, Any]], float] | None,
    conditioning: Callable[[dict[str, Any]], float] | None,
) -> Draw:
    """Inputs where the module's value is finite; if that fails, where the reference is, so that the check shows it."""

    def regular(inputs: dict[str, Any]) -> bool:
        return conditioning is None or conditioning(inputs) > SINGULAR

    try:
        return sampler.draw(lambda inputs: module.value(**inputs) if regular(inputs) else math.nan, kink_distance)
    except ModelError:
        if reference is None:
            raise
        return sampler.draw(lambda inputs: reference(inputs, sizes) if regular(inputs) else math.nan)
    except Exception:  # a module that raises is a finding of the check, which calls it again
        return sampler.draw()


def _fits(
    arguments: Sequence[Argument],
    lengths: Sequence[Expr],
    margins: Sequence[Expr],
    fixed: Mapping[Basic, int],
    free: Mapping[Basic, int],
) -> bool:
    sizes = {**fixed, **free}
    return is_legal(arguments, sizes, lengths) and all(evaluate(margin, {}, sizes) >= 0 for margin in margins)


def _size_sets(
    arguments: Sequence[Argument],
    dimensions: Sequence[Symbol],
    minimum_sizes: Mapping[Symbol, int] | None,
    lengths: Sequence[Expr],
    margins: Sequence[Expr],
    sizes: Mapping[Any, int] | Sequence[Mapping[Any, int]] | None,
    given: Mapping[str, Any],
) -> list[dict[Basic, int]]:
    """The caller's sizes and those of the caller's inputs; chosen ones for what these leave open."""
    known = sizes_of_inputs(arguments, given)
    wanted = [{}] if sizes is None else [sizes] if isinstance(sizes, Mapping) else list(sizes)
    found: list[dict[Basic, int]] = []
    for one in wanted:
        fixed = named_sizes(one, dimensions)
        for symbol in known.keys() & fixed.keys():
            if known[symbol] != fixed[symbol]:
                raise ModelError(f"inputs= has {symbol}={known[symbol]}, sizes= has {symbol}={fixed[symbol]}")
        fixed |= known
        rest = [symbol for symbol in dimensions if symbol not in fixed]
        chosen = size_sets(rest, minimum_sizes, partial(_fits, arguments, lengths, margins, fixed))
        # Where nothing is left to choose, further draws only make sense of what is drawn.
        everything_given = all(argument.name in given or argument.role == "dimension" for argument in arguments)
        repeat_draws = sizes is None and not everything_given
        found += [{**fixed, **free} for free in (chosen if rest or repeat_draws else chosen[:1])]
    return found
