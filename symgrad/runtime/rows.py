"""Sums over blocks of rows that stay in the cache, on several threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from symgrad.runtime.declared import BLOCK_BYTES, THREAD_WORK
from symgrad.runtime.threads import _one_blas_thread, _threads


def _over_rows(rows: Callable[..., tuple[Any, ...]], width: int, size: int, *arrays: Any) -> tuple[Any, ...]:
    """The sums that `rows` gives for the arrays, added up over blocks of rows that stay in the cache.

    `width` is how many numbers a row takes with its intermediate results, `size` how many the sums have. Blocks and the
    order of addition depend on the sizes alone, so that a result is the same for any number of threads.
    """
    count = arrays[0].shape[0]
    if count * (width + size // 5) <= 0.7 * BLOCK_BYTES:  # about six blocks of float64: calls cost more than they save
        return rows(*arrays)
    step = _block_rows(width, size, arrays[0].itemsize)
    if count <= 2 * step:
        return rows(*arrays)
    blocks = -(-count // step)
    parts = min(blocks, 32)  # the shares of work that threads take; few, as each has its own sums

    def part(number: int) -> list[Any]:
        first, last = blocks * number // parts, blocks * (number + 1) // parts
        bounds = [slice(count * block // blocks, count * (block + 1) // blocks) for block in range(first, last)]
        return _added(rows(*(array[rows_of] for array in arrays)) for rows_of in bounds)

    threads = min(parts, _threads()) if count * size >= THREAD_WORK else 1
    if threads < 2:
        return tuple(_added(map(part, range(parts))))
    with _one_blas_thread():
        pool = ThreadPoolExecutor(threads)
        try:
            jobs = [pool.submit(copy_context().run, part, number) for number in range(parts)]  # np.errstate goes along
            return tuple(_added(job.result() for job in jobs))
        finally:  # after an error or an interrupt, too, no thread is left behind
            pool.shutdown(cancel_futures=True)


def _block_rows(width: int, size: int, itemsize: int) -> int:
    """How many rows a block has: as many as the cache holds, but enough that adding up the sums costs little.

    OpenBLAS does a product of up to a million multiplications without packing, which is twice as fast for narrow
    matrices; a row takes about `size` of them in a product. A row's operations take about as long as
    1 + size / (5 width) passes over its numbers, and adding up is one over the sums: a twentieth of that.
    """
    width, size = max(1, width), max(1, size)
    fitting, unpacked = BLOCK_BYTES // (itemsize * width), 1_000_000 // size
    least = 100 * size // (5 * width + size)
    if unpacked < least:  # packed anyway: few large blocks (a network of 784-512-10 takes 0.96 of 100 rows by 500)
        return max(1, fitting, 4 * least)
    return max(1, min(fitting, unpacked), least)


def _added(results: Iterable[tuple[Any, ...] | list[Any]]) -> list[Any]:
    """The sums of the results' entries, in the order of the results."""
    totals: list[Any] = []
    for result in results:
        if totals:
            for k, entry in enumerate(result):
                totals[k] += entry
        else:
            totals = list(result)
    return totals
