"""Compares generated JAX modules with the NumPy modules of the same models: value, gradient, Hessian-vector product.

    PYTHONPATH=. python tests/targets/jax/comparison.py [examples]

compares all example models at drawn inputs, in double and single precision, which takes some minutes; the exit code is
1 where one differs. The suite compares the quick ones.
"""

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from inspect import signature
from multiprocessing import get_context
from typing import Any

import jax
import numpy as np

from symgrad.errors import UnsupportedError
from tests.results import arrays
from tests.targets.agreement import DOUBLE, SINGLE, Different, example, same_numbers
from tests.targets.agreement import modules as of_target

SLOW_TWICE = ("handwriting.py",)  # whose second derivatives take minutes to derive

modules = partial(of_target, name="jax")


def agree(
    of_numpy: Any, of_jax: Any, inputs: Mapping[str, Any], double: float = DOUBLE, single: float | None = None
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
        taken = [argument for argument in signature(getattr(of_jax, name)).parameters if argument != "direction"]
        sizes = [argument for argument in taken if argument in of_jax.DIMENSIONS]
        function = jax.jit(getattr(of_jax, name), static_argnames=sizes)  # quicker than operation by operation
        named = {argument: inputs[argument] for argument in taken}
        first = (direction,) if name == "hessian_vector_product" else ()
        with np.errstate(all="ignore"):
            wanted = getattr(of_numpy, name)(*first, **named)
        with jax.enable_x64(True):
            _compare(name, function(*first, **named), wanted, double, np.float64)
        if single is not None:
            with jax.enable_x64(False):
                _compare(name, function(*first, **named), wanted, single, np.float32)


def _compare(name: str, got: Any, wanted: Any, tolerance: float, dtype: Any) -> None:
    lefts, rights = ([np.asarray(one) for one in arrays(result)] for result in (got, wanted))
    for number, (a, b) in enumerate(zip(lefts, rights, strict=True)):
        if a.shape != b.shape or a.dtype != dtype:
            raise Different(f"{name}, result {number}: {a.dtype} of shape {a.shape}, not {dtype} of {b.shape}")
    same_numbers(name, lefts, rights, tolerance, dtype is np.float32)


def compare(reference: str, single: float | None = None) -> None:
    """An example's modules, at the first inputs that a check draws."""
    model, options = example(reference), {"hvp": reference not in SLOW_TWICE}
    try:
        numpy, in_jax = modules(model, **options)
    except UnsupportedError:  # a product over an index is differentiated once
        numpy, in_jax = modules(model)
    draw = model.draws(numpy)[0]
    sizes = {str(dimension): size for dimension, size in draw.sizes.items()}
    # of gpt the derivatives are 1e-5 of the terms that they are sums of
    agree(numpy, in_jax, {**sizes, **draw.inputs}, 1e-10 if reference == "gpt.py" else DOUBLE, single)


def _difference(reference: str) -> str:
    """What is different of an example; nothing if it is the same."""
    try:
        compare(reference, SINGLE)
    except Different as problem:
        return str(problem)
    return ""


def main(references: list[str]) -> int:
    from tests.examples.test_models import MODELS, NETWORKS

    wrong, wanted = 0, references or [*MODELS, *NETWORKS]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        for reference, difference in zip(wanted, pool.map(_difference, wanted), strict=True):
            wrong += bool(difference)
            print(f"different  {reference}  {difference}" if difference else f"same       {reference}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
