"""Modules of pure functions that import JAX only, for `jit`, `vmap` and any device.

What it cannot do: a workspace, and functions that `jax.scipy.special` lacks, such as Bessel functions of any order.
"""

from symgrad.targets import Target
from symgrad.targets.jax.calling import imported, on_arrays
from symgrad.targets.jax.function import listed
from symgrad.targets.jax.module import module_source

TARGET = Target("jax", module_source, listed, imported, on_arrays)
