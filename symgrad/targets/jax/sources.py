"""The functions of a generated module beside its formulas.

Most are those of `symgrad.runtime`, with JAX's names in place of NumPy's; what JAX has to do in another way is in
`runtime` beside this file, which is not imported here: it imports JAX.
"""

from functools import cache

from symgrad.codegen.runtime import Sources, renamed_sources

LIBRARIES = {"np": "jnp", "scipy": "jax.scipy"}


@cache
def sources() -> Sources:
    """All functions that there are."""
    return renamed_sources(LIBRARIES, "symgrad.targets.jax.runtime")
