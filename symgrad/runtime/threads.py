"""The threads of NumPy's BLAS."""

import ctypes
from functools import cache
from typing import Any

import numpy as np


@cache
def _blas(free: bool) -> Any:
    """Functions that tell and set how many threads OpenBLAS or MKL takes; one if it is not free, or another BLAS."""
    names = [f"{start}openblas_get_num_threads{end}" for start in ("scipy_", "") for end in ("64_", "")]
    try:
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)
        tell = next(name for name in [*names, "MKL_Get_Max_Threads"] if free and hasattr(library, name))
    except (AttributeError, OSError, StopIteration):
        return lambda: 1, lambda count: None
    return library[tell], library[tell.replace("get", "set").replace("Get_Max", "Set_Num")]
