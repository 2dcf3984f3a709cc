"""What all tests share: hypothesis without deadlines, since the first run of a strategy compiles a model; that what
functions do is checked after every pass over their statements (`symgrad/statements/spec.py`); and JAX without XLA's
optimisations, since most of what it compiles is called once (`targets/jax/comparison.py` has them)."""

import gc
import os

from hypothesis import settings

os.environ["SYMGRAD_VALIDATE"] = "1"
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

settings.register_profile("symgrad", deadline=None, derandomize=True)
settings.load_profile("symgrad")

# What is collected, some millions of objects, lives until the end: the collector of garbage need not go through it.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()
