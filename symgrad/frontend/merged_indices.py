"""Indices that stand for two: i over 0 … D·K − 1, of which only i div K and i mod K are used.

So SymPy writes an entry of A ⊗ B, A[Mod(floor(i/K), D), …]·B[Mod(i, K), …]; with i = p·K + q it is A[p, …]·B[q, …].
"""

from collections.abc import Sequence

from sympy import Basic, Dummy, Mod, Tuple, floor


def taken_apart(function: Basic, limits: Sequence[Tuple]) -> tuple[Basic, list[Tuple]]:
    """The function and the limits of a reduction with two indices for each such one."""
    made: list[Tuple] = []
    for limit in limits:
        pair = _pair(function, limit)
        if pair is None:
            made.append(limit)
        else:
            function, both = pair
            made += both
    return function, made


def _pair(function: Basic, limit: Tuple) -> tuple[Basic, list[Tuple]] | None:
    if len(limit) != 3 or limit[1] != 0 or not function.has(Mod):
        return None
    index, _, last = limit
    for length in sorted((part.args[1] for part in function.atoms(Mod) if part.args[0] == index), key=str):
        count = (last + 1) / length
        if not count.is_integer or not count.is_positive or length.has(index):
            continue
        outer, inner = (Dummy(f"{index}_{name}", integer=True) for name in ("p", "q"))
        parts = {Mod(floor(index / length), count): outer, floor(index / length): outer, Mod(index, length): inner}
        found = function.xreplace(parts)
        if not found.has(index):
            return found, [Tuple(outer, 0, count - 1), Tuple(inner, 0, length - 1)]
    return None
