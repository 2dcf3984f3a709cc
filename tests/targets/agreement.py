"""Modules of another target beside those for NumPy: the same numbers, but for rounding."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from inspect import signature
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from symgrad import Model
from symgrad.cli.model_file import ModelReference, load_model
from symgrad.errors import UnsupportedError
from symgrad.targets import target
from tests.results import arrays

EXAMPLES = Path(__file__).parents[2] / "examples"
# relative to the largest entry, beyond which two orders of the same sums do not differ; the inputs are of size one
DOUBLE, SINGLE = 1e-12, 2e-4


class Different(AssertionError):
    """The modules give different numbers."""


def example(reference: str) -> Model:
    return load_model(ModelReference.parse(str(EXAMPLES / reference)))


def modules(model: Model, name: str, **options: Any) -> tuple[Any, Any]:
    """The model's modules for NumPy and for the target of a name, unchecked."""
    numpy = model.compile(check=False, **options)
    return numpy, target(name).imported(model.source(target=name, **options), model.name)


def same_numbers(name: str, got: list[Any], wanted: list[Any], tolerance: float, single: bool) -> None:
    """Each array of a result is off by no more than a part of its largest entry; in single precision of all results'.

    Raises
    ------
    Different : one is.
    """
    largest = [_largest(array) for array in wanted]
    for number, (a, b) in enumerate(zip(got, wanted, strict=True)):
        scale = max(largest) if single else largest[number]
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(np.float64(a) - b))
        if not np.all(off <= tolerance * scale):
            raise Different(f"{name}, result {number}: off by {np.max(off)} where the largest entry is {scale}")


def _largest(array: Any) -> float:
    array = np.asarray(array)
    return float(np.max(np.abs(array[np.isfinite(array)]), initial=0.0))


SLOW_TWICE = ("handwriting.py",)  # whose second derivatives take minutes to derive

# A function of a module at positional and named arguments, in a floating type
Call = Callable[[Any, Sequence[Any], Mapping[str, Any], Any], Any]


def agree(
    of_numpy: Any,
    other: Any,
    inputs: Mapping[str, Any],
    double: float = DOUBLE,
    single: float | None = None,
    *,
    call: Call,
) -> None:
    """Every function of the modules gives the same numbers at the inputs (and sizes), in float64 and in float32.

    What is float64's in NumPy's module is what float32 is compared with, too, if `single` is its tolerance.

    Raises
    ------
    Different : one does not, or has another shape or type.
    """
    rng = np.random.default_rng(0)
    direction = tuple(rng.normal(size=np.shape(inputs[name])) for name in of_numpy.PARAMETERS)
    functions = ["value", "gradient", "value_and_gradient"]
    functions += [name for name in ("hessian_vector_product", "hessian") if hasattr(of_numpy, name)]
    for name in functions:
        function = getattr(other, name)
        named = {argument: inputs[argument] for argument in signature(function).parameters if argument != "direction"}
        first = (direction,) if name == "hessian_vector_product" else ()
        with np.errstate(all="ignore"):
            wanted = getattr(of_numpy, name)(*first, **named)
        for dtype, tolerance in ((np.float64, double), (np.float32, single)):
            if tolerance is not None:
                _compare(name, call(function, first, named, dtype), wanted, tolerance, dtype)


def _compare(name: str, got: Any, wanted: Any, tolerance: float, dtype: Any) -> None:
    lefts, rights = ([np.asarray(one) for one in arrays(result)] for result in (got, wanted))
    for number, (a, b) in enumerate(zip(lefts, rights, strict=True)):
        if a.shape != b.shape or a.dtype != dtype:
            raise Different(f"{name}, result {number}: {a.dtype} of shape {a.shape}, not {dtype} of {b.shape}")
    same_numbers(name, lefts, rights, tolerance, dtype is np.float32)


def compare(reference: str, single: float | None = None, *, name: str, call: Call) -> None:
    """An example's modules, at the first inputs that a check draws."""
    model, options = example(reference), {"hvp": reference not in SLOW_TWICE}
    try:
        numpy, other = modules(model, name, **options)
    except UnsupportedError:  # a product over an index is differentiated once
        numpy, other = modules(model, name)
    draw = model.draws(numpy)[0]
    sizes = {str(dimension): size for dimension, size in draw.sizes.items()}
    # of gpt the derivatives are 1e-5 of the terms that they are sums of
    agree(numpy, other, {**sizes, **draw.inputs}, 1e-10 if reference == "gpt.py" else DOUBLE, single, call=call)


def compare_all(references: Sequence[str], compare: Callable[[str, float], None]) -> int:
    """Compare the examples in processes of their own, and print what differs; 1 if anything does."""
    from tests.examples.test_models import MODELS, NETWORKS

    wrong, wanted = 0, list(references) or [*MODELS, *NETWORKS]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        differences = pool.map(_difference, wanted, [compare] * len(wanted))
        for reference, difference in zip(wanted, differences, strict=True):
            wrong += bool(difference)
            print(f"different  {reference}  {difference}" if difference else f"same       {reference}", flush=True)
    return 1 if wrong else 0


def _difference(reference: str, compare: Callable[[str, float], None]) -> str:
    """What is different of an example; nothing if it is the same."""
    try:
        compare(reference, SINGLE)
    except Different as problem:
        return str(problem)
    return ""
