"""What JAX and the functions of a generated module call operations, and which of them there are not."""

from symgrad.codegen.speller import ATOM, Dialect, Form, Speller, after, called
from symgrad.lowering.functions import RUNTIME, SPECIAL
from symgrad.statements.expressions import Operation
from symgrad.targets.jax.lines import lines_of

# The functions of jax.scipy.special, by their names there
HAS = frozenset(
    {"beta", "digamma", "erf", "erfc", "erfinv", "expi", "expn", "fresnel", "gamma", "gammainc", "gammaincc", "gammaln"}
    | {"gammasgn", "ndtr", "polygamma", "sici", "xlogy", "zeta"}
)

# The functions that a generated module has itself: those of the runtime without Bessel functions, and others of JAX
_RUNTIME = {function.__name__ for function in RUNTIME}
_BESSEL = {"log_besseli", "besseli_ratio", "besseli_slope"}
OWN = (_RUNTIME - _BESSEL) | {
    "adjugate",
    "definite_cholesky",
    "in_range",
    "inv",
    "largest_so_far",
    "log_ndtr",
    "logdet",
    "or_nan",
    "solve",
}
OWN |= {"balanced", "centred", "log_total", "norm", "product_of_others", "sums_of_exponentials"}

LACKS = (SPECIAL - HAS - OWN) | _BESSEL


def _added(speller: Speller, operation: Operation) -> str:
    """Values added to an array at places in it."""
    array, places, values = operation.parts
    return f"{speller.at(array, ATOM)}.at[{speller.places_of(places)}].add({speller.text(values)})"


def _put(speller: Speller, operation: Operation) -> str:
    """Values in place of those at places in an array."""
    array, places, values = operation.parts
    return f"{speller.at(array, ATOM)}.at[{speller.places_of(places)}].set({speller.text(values)})"


def _placed(speller: Speller, operation: Operation) -> str:
    """Zeros of a shape with values added at places."""
    shape, places, values, _ = operation.parts
    zeros = f"jnp.zeros({speller.text(shape)}, {speller.dtype})"
    return f"{zeros}.at[{speller.places_of(places)}].add({speller.text(values)})"


_FORMS: dict[str, Form] = {
    "added": _added,
    "put": _put,
    "place": _placed,
    "accumulate": _placed,
    "asarray": after(".astype({dtype})"),
    "whole": after(".astype(int)"),
    "number": called("{0}"),
    "scalar": called("jnp.asarray({0}, {dtype})"),
}

JAX = Dialect(
    "jnp",
    ("jax.scipy.special", HAS),
    {head: head for head in OWN},
    2**31,  # larger ones are for arrays of 64 bits, of which there may be none
    {"remainder": "jnp.mod", "empty": "jnp.zeros"},
    _FORMS,
    lines_of,
)
