"""How many threads compute blocks of rows, and those of NumPy's BLAS."""

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from symgrad.runtime.declared import THREADS


def _threads() -> int:
    """THREADS, or by default as many as NumPy's BLAS would take; one where the caller has threads himself."""
    alone = threading.current_thread() is threading.main_thread()
    return THREADS or (_blas()[0]() if alone else 1)


@cache
def _blas() -> tuple[Callable[[], int], Callable[[int], Any]]:
    """What tells and sets how many threads NumPy's BLAS has, if it is OpenBLAS or MKL; another keeps the cores."""
    names = [f"{start}openblas_get_num_threads{end}" for start in ("scipy_", "") for end in ("64_", "")]
    try:
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)
        tell = next(name for name in [*names, "MKL_Get_Max_Threads"] if hasattr(library, name))
    except (AttributeError, OSError, StopIteration):
        return lambda: 1, lambda count: None
    return library[tell], library[tell.replace("get", "set").replace("Get_Max", "Set_Num")]
