"""The threads of NumPy's BLAS."""

import ctypes
from functools import cache
from typing import Any

import numpy as np


@cache
def _blas(free: bool) -> Any:
    """What sets how many threads OpenBLAS or MKL takes, and tells how many before; one if it is not free or neither."""
    names = [f"{start}openblas_get_num_threads{end}" for start in ("scipy_", "") for end in ("64_", "")]
    try:
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)
        tell = next(name for name in [*names, "MKL_Get_Max_Threads"] if free and hasattr(library, name))
    except (AttributeError, OSError, StopIteration):
        return lambda count: 1
    return lambda count: (library[tell](), library[tell.replace("get", "set").replace("Get_Max", "Set_Num")](count))[0]
