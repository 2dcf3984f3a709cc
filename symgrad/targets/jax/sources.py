"""The functions of a generated module beside its formulas.

Most are those of `symgrad.runtime`, with JAX's names in place of NumPy's; what JAX has to do in another way is in
`runtime` beside this file, how it differentiates the loss in `autograd`. Both import JAX; neither is imported.
"""

from functools import cache

from symgrad.codegen.runtime import Sources, renamed_sources

LIBRARIES = {"np": "jnp", "scipy": "jax.scipy", "np.random": "numpy.random"}  # batches are NumPy's for all


@cache
def sources() -> Sources:
    """All functions that there are."""
    return renamed_sources(LIBRARIES, "symgrad.targets.jax.runtime", "symgrad.targets.jax.autograd")
