"""Sums over blocks of rows that stay in the cache, on several threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import reduce
from itertools import repeat
from operator import iadd
from typing import Any

from symgrad.runtime.declared import BLOCK_BYTES, THREAD_WORK
from symgrad.runtime.threads import _blas, _threads


def _over_rows(
    rows: Callable[..., tuple[Any, ...]],
    arrays: tuple[Any, ...],
    shared: tuple[Any, ...],
    width: int,
    size: int,
    kept: tuple[list[Any], ...] = (),
    joins: Iterable[Callable[[Any, Any], Any]] = repeat(iadd),
) -> tuple[Any, ...]:
    """What `rows` makes of blocks of the arrays that stay in the cache, of what was `kept` of them, and of `shared`.

    `width` is how many numbers a row takes with its intermediate results, `size` how many the results have; `joins`
    make one of the results of two blocks. Blocks and the order of joining depend on the sizes alone, so that the bits
    are the same for any number of threads.
    """
    count = len(arrays[0]) if arrays else sum(map(len, kept[0]))
    if (
        not kept and count * (width + size // 5) <= 0.7 * BLOCK_BYTES
    ):  # about six blocks: calls cost more than they save
        return rows(*arrays, *shared)
    blocks = len(kept[0]) if kept else -(-count // _block_rows(width, size, arrays[0].itemsize))
    if blocks <= 2:
        return rows(*arrays, *[part for part, *_ in kept], *shared)
    ends = [count * block // blocks for block in range(blocks + 1)]
    parts = min(blocks, 32)  # the shares of work that threads take; few, as each has its own sums

    def of_block(k: int) -> tuple[Any, ...]:
        return rows(*(array[ends[k] : ends[k + 1]] for array in arrays), *(part[k] for part in kept), *shared)

    def joined(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(join(a, b) for join, a, b in zip(joins, one, other, strict=False))

    def part(number: int) -> tuple[Any, ...]:
        return reduce(joined, map(of_block, range(blocks * number // parts, blocks * (number + 1) // parts)))

    threads = min(parts, _threads()) if count * size >= THREAD_WORK else 1
    if threads < 2:
        return reduce(joined, map(part, range(parts)))
    blas_threads, limit = _blas()
    before, pool = blas_threads(), ThreadPoolExecutor(threads)
    try:
        limit(1)
        jobs = [pool.submit(copy_context().run, part, number) for number in range(parts)]  # np.errstate goes along
        return reduce(joined, (job.result() for job in jobs))
    finally:  # after an error or an interrupt, too, no thread is left behind
        pool.shutdown(cancel_futures=True)
        limit(before)


def _block_rows(width: int, size: int, itemsize: int) -> int:
    """How many rows a block has: as many as fit into the cache, and enough that adding up their sums costs little.

    Adding up is one pass over the sums, of a row's 1 + size / (5 width) passes over its numbers: a twentieth, at most.
    OpenBLAS does a product of up to a million multiplications without packing, in half the time where it is narrow.
    """
    fitting, unpacked = BLOCK_BYTES // (itemsize * max(1, width)), 1_000_000 // max(1, size)
    least = 100 * size // (5 * width + size + 1)
    return max(1, min(fitting, unpacked), least) if unpacked >= least else max(fitting, 4 * least)
