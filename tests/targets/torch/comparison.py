"""Compares generated PyTorch modules with the NumPy modules of the same models, as that of JAX does.

    PYTHONPATH=. python tests/targets/torch/comparison.py [examples]

compares all example models at drawn inputs, in double and single precision, which takes some minutes; the exit code is
1 where one differs. The suite compares the quick ones.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from tests.targets import agreement
from tests.targets.agreement import SINGLE as SINGLE
from tests.targets.agreement import example as example


def tensors(named: Mapping[str, Any], dtype: Any = np.float64) -> dict[str, Any]:
    """Arguments as tensors, but for sizes."""
    return {name: tensor(one, dtype) for name, one in named.items()}


def tensor(one: Any, dtype: Any = np.float64) -> Any:
    """A number or an array as a tensor of a floating type; a size as it is."""
    if isinstance(one, int):
        return one
    array = np.asarray(one)
    return torch.as_tensor(array.astype(dtype) if array.dtype.kind == "f" else array)


def _called(function: Any, given: Sequence[Any], named: Mapping[str, Any], dtype: Any) -> Any:
    directions = [tuple(tensor(part, dtype) for part in one) for one in given]
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.as_tensor(dtype(0)).dtype)  # that of what depends on no tensor
    try:
        return function(*directions, **tensors(named, dtype))
    finally:
        torch.set_default_dtype(before)


modules = partial(agreement.modules, name="torch")
agree = partial(agreement.agree, call=_called)
compare = partial(agreement.compare, name="torch", call=_called)

if __name__ == "__main__":
    sys.exit(agreement.compare_all(sys.argv[1:], compare))
