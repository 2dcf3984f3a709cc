"""The functions of a generated module beside its formulas.

Most are those of `symgrad.runtime`, with JAX's names in place of NumPy's; what JAX has to do in another way, such as
choose without branches, is in `runtime` beside this file, which is not imported here: it imports JAX.
"""

from functools import cache

from symgrad.codegen.runtime import Definition, Sources, definitions
from symgrad.univariate import Univariate, code

_SHARED = ("arguments", "entries", "gamma", "matrices", "normal", "pieces")
_LIBRARIES = {"np": "jnp", "scipy": "jax.scipy"}


@cache
def sources() -> Sources:
    """All functions that there are."""
    found = {name: one for file in _SHARED for name, one in definitions(f"symgrad.runtime.{file}").items()}
    shared = {name: one.renamed(_LIBRARIES) for name, one in found.items()}
    return Sources(shared | definitions("symgrad.targets.jax.runtime"))


def of_one_argument(function: type[Univariate]) -> str:
    """The text of a function of one argument."""
    return Definition(code(function.expression), ()).renamed(_LIBRARIES).source
