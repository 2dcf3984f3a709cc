"""Totals over blocks of rows that stay in the cache, on several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial as applied
from functools import reduce
from operator import call, iadd
from typing import Any

import numpy as np

from symgrad.runtime.declared import BLOCK_BYTES, THREAD_WORK, THREADS
from symgrad.runtime.threads import _blas


def _over_rows(rows: Any, arrays: Any, shared: Any, width: int, size: int, kept: Any = (), joins: Any = None) -> Any:
    """What `rows`, one of which takes `width` and gives `size` numbers, makes of blocks that stay in cache, joined."""
    count = arrays[0].shape[0] if arrays else sum(map(len, kept[0]))
    if not kept and count * (width + size // 5) <= 0.7 * BLOCK_BYTES:  # calls would cost more than blocks save
        return rows(*arrays, *shared)
    blocks = len(kept[0]) if kept else -(-count // _block_rows(width, size))  # by sizes alone, as are then the bits
    if blocks <= 2:
        return rows(*arrays, *[part for part, *_ in kept], *shared)

    def block(k: int) -> Any:
        mine = slice(count * k // blocks, count * (k + 1) // blocks)
        return rows(*[array[mine] for array in arrays], *[part[k] for part in kept], *shared)

    join = applied(reduce, lambda one, other: [*map(call, joins or [iadd] * len(one), one, other)])
    parts = [map(block, span) for k in range(32) if (span := range(blocks * k // 32, blocks * (k + 1) // 32))]
    before = (limit := _blas(THREADS is not None or threading.current_thread() is threading.main_thread()))(1)
    threads = min(len(parts), THREADS or before) if count * size >= THREAD_WORK else 1
    try:
        if threads == 1:  # without a pool, which takes 50 µs
            return join(map(join, parts))
        with ThreadPoolExecutor(threads, initializer=applied(np.seterr, **np.geterr())) as pool:
            return join(pool.map(join, parts))
    finally:
        limit(before)


def _block_rows(width: int, size: int) -> int:
    """How many rows fit into the cache, and into products that OpenBLAS does not pack: of a million multiplications."""
    fitting, unpacked = BLOCK_BYTES // (8 * max(1, width)), 1_000_000 // max(1, size)
    least = 100 * size // (5 * width + size + 1)  # adding up results takes a twentieth of 1 + size / (5 width) passes
    return max(1, min(fitting, unpacked), least) if unpacked >= least else max(fitting, 4 * least)
