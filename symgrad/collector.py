"""Python's collector of garbage, and how often it looks for circles while a model is compiled."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Compiling makes some hundred thousand objects, most of which stay: Python would go through all of them at every 700
# more, and again and again through the old ones, for a tenth of the time. What becomes garbage until the next look is a
# few megabytes.
_YOUNG = 20_000


@contextmanager
def seldom() -> Iterator[None]:
    """Let the collector look seldom at new objects, and do afterwards what it did before.

    Whether it is switched on stays the caller's choice, as do thresholds that are higher, or are set meanwhile. Inside
    of itself, also in another thread, it changes nothing.

    Examples
    --------
    >>> before = gc.get_threshold()
    >>> with seldom():
    ...     gc.get_threshold()[0] >= _YOUNG
    True
    >>> gc.get_threshold() == before
    True
    """
    before = gc.get_threshold()
    if not 0 < before[0] < _YOUNG:  # 0: never
        yield
        return
    ours = (_YOUNG, *before[1:])
    gc.set_threshold(*ours)
    try:
        yield
    finally:
        if gc.get_threshold() == ours:
            gc.set_threshold(*before)
