"""How often a term has exp(M) as a factor, for each place at which M is.

Putting exp(u - M) for exp(u) multiplies a term of the degree d by exp(-d·M). Where a term has M at several places, it
has a degree for each: of exp(u[i, j])/Σ_j exp(u[i, j]) they cancel, of a product with another row's they do not.
"""

from collections.abc import Iterable, Mapping, Sequence

from sympy import Number, S

from symgrad.graph.build import add
from symgrad.graph.nodes import Letter, Use
from symgrad.schedule.exponents import Key

Degree = frozenset[tuple[Key, Number]]
Images = dict[Degree, Use]

NOTHING: Degree = frozenset()


def degree_of(powers: Mapping[Key, Number]) -> Degree:
    return frozenset((key, d) for key, d in powers.items() if d != 0)


def times(degree: Degree, factor: Number) -> Degree:
    return frozenset((key, factor * d) for key, d in degree)


def placed(degree: Degree, letters: Sequence[Letter]) -> Degree:
    return total_degree([frozenset({(tuple(letters[k] for k in key), d)}) for key, d in degree])


def total_degree(degrees: Iterable[Degree]) -> Degree:
    total: dict[Key, Number] = {}
    for degree in degrees:
        for key, d in degree:
            total[key] = total.get(key, S.Zero) + d
    return degree_of(total)


def images_of_sum(terms: Sequence[tuple[Number, Mapping[Degree, Use]]]) -> Images:
    """The images of a sum by those of its terms: of the degrees that all terms have."""
    shared = [degree for degree in terms[0][1] if all(degree in images for _, images in terms)] if terms else []
    return {degree: add([(c, images[degree]) for c, images in terms]) for degree in shared}
