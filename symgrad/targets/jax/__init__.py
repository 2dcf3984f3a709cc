"""Modules of pure functions that import JAX only, for `jit`, `vmap` and any device.

What it cannot do: a workspace, and functions that `jax.scipy.special` lacks, such as Bessel functions of any order.
"""

from functools import partial

from symgrad.codegen.library import Library
from symgrad.codegen.library_module import module_source
from symgrad.codegen.speller import Speller
from symgrad.targets import Target
from symgrad.targets.jax.calling import imported, on_arrays
from symgrad.targets.jax.functions import JAX
from symgrad.targets.jax.sources import LIBRARIES, sources
from symgrad.targets.jax.terms import JaxTerms

_LIBRARY = Library(
    target="jax",
    title="JAX",
    reserved=frozenset({"jax", "jnp", "numpy", "direction", "parts", "states", "PRECISION", "PRODUCT"}),
    dialect=JAX,
    speller=Speller,
    terms=JaxTerms,
    shape="jnp.shape({name})",
    dtype="float",
    sources=sources,
    libraries=LIBRARIES,
    always=(),
    with_loss=("_followed",),
    no_workspace="XLA itself reuses the memory of intermediate arrays",
)
TARGET = Target("jax", partial(module_source, _LIBRARY), _LIBRARY.listed, imported, on_arrays)
