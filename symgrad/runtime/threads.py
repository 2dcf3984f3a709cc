"""How many threads compute blocks of rows, and those of NumPy's BLAS."""

import ctypes
import importlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from symgrad.runtime.declared import THREADS


def _threads() -> int:
    """THREADS, or by default as many as the process has cores, at most OMP_NUM_THREADS.

    Blocks are left to one thread where several would only compete: with those of BLAS, unless it has one or can be
    limited, and with those of a caller who uses threads himself.
    """
    if THREADS is not None:
        return THREADS
    alone = _blas() is not None or "1" in (os.environ.get("OPENBLAS_NUM_THREADS"), os.environ.get("MKL_NUM_THREADS"))
    if not alone or threading.current_thread() is not threading.main_thread():
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(most)) if most.isdigit() and int(most) > 0 else cores


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """While this lasts, NumPy's BLAS computes in the thread that calls it, if it can be told to."""
    blas = _blas()
    if blas is None:
        yield
        return
    count, limit = blas
    before = count()
    limit(1)
    try:
        yield
    finally:
        limit(before)


@cache
def _blas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """How NumPy's BLAS tells the number of its threads, and how it is told; None if that is not known.

    The functions are looked up in the BLAS that NumPy has loaded, under the names that OpenBLAS (in NumPy's own wheels
    and elsewhere) and MKL give them.
    """
    names = [
        (f"{prefix}openblas_get_num_threads{suffix}", f"{prefix}openblas_set_num_threads{suffix}")
        for prefix in ("scipy_", "")
        for suffix in ("64_", "")
    ]
    try:
        library = ctypes.CDLL(str(importlib.import_module("numpy.linalg._umath_linalg").__file__))
    except (ImportError, OSError):
        return None
    for count, limit in [*names, ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads")]:
        if hasattr(library, count) and hasattr(library, limit):
            return getattr(library, count), getattr(library, limit)
    return None
