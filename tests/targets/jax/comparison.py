"""Compares generated JAX modules with the NumPy modules of the same models: value, gradient, Hessian-vector product.

    PYTHONPATH=. python tests/targets/jax/comparison.py [examples]

compares all example models at drawn inputs, in double and single precision, which takes some minutes; the exit code is
1 where one differs. The suite compares the quick ones.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from tests.targets import agreement
from tests.targets.agreement import SINGLE as SINGLE
from tests.targets.agreement import example as example


def _called(function: Any, given: Sequence[Any], named: Mapping[str, Any], dtype: Any) -> Any:
    sizes = [name for name, one in named.items() if isinstance(one, int)]
    with jax.enable_x64(dtype is np.float64):
        compiled = jax.jit(function, static_argnames=sizes)  # quicker than operation by operation
        return jax.tree.map(np.asarray, compiled(*given, **named))


modules = partial(agreement.modules, name="jax")
agree = partial(agreement.agree, call=_called)
compare = partial(agreement.compare, name="jax", call=_called)

if __name__ == "__main__":
    sys.exit(agreement.compare_all(sys.argv[1:], compare))
