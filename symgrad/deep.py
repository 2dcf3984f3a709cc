"""Runs what recurses over deep expressions where there is room for it.

SymPy hashes, compares, simplifies and prints by recursion. A model nested a thousand deep needs more frames than
Python allows and more stack than the main thread has; a thread can be given both.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from symgrad.errors import UnsupportedError

_T = TypeVar("_T")

# Expressions less deep are well served by Python's own limit of a thousand frames: SymPy and the checker's evaluator
# take up to ten for an operation.
SHALLOW = 50
_STACK = 512 * 2**20  # bytes, reserved but not used unless needed
_HAS_THREADS = sys.platform not in ("emscripten", "wasi")  # in browsers the stack is what the browser gives
_FRAMES = 200_000  # which leaves more than two kilobytes of stack a frame


def with_room(depth: int, function: Callable[[], _T]) -> _T:
    """The value of `function()`, which recurses over expressions of this depth.

    Raises
    ------
    UnsupportedError : the room does not suffice.
    """
    if depth <= SHALLOW or isinstance(threading.current_thread(), _Roomy):
        return function()
    if not _HAS_THREADS:
        try:
            return function()
        except RecursionError:
            raise _too_deep(depth) from None
    limit, stack = sys.getrecursionlimit(), threading.stack_size(_STACK)
    try:
        sys.setrecursionlimit(max(limit, _FRAMES))
        thread = _Roomy(function)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(limit)
    if isinstance(thread.error, RecursionError):
        raise _too_deep(depth)
    if thread.error is not None:
        raise thread.error
    return thread.result  # type: ignore[no-any-return]


def _too_deep(depth: int) -> UnsupportedError:
    return UnsupportedError(
        f"the model is nested {depth} operations deep, which is more than Python can handle; name inner parts in "
        "`where`"
    )


class _Roomy(threading.Thread):
    """A thread that keeps the outcome of a function; a daemon, so that an interruption does not wait for it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.function = function
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:
            self.error = error
