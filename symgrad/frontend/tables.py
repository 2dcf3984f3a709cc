"""Reads arrays whose entries are written out: constant arrays, Levi-Civita symbols, names with an equation an entry."""

from itertools import combinations, product

from sympy import Basic, ImmutableDenseNDimArray, Indexed, LeviCivita, Mul, NDimArray, S, sign

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.bounds import greatest, least, rectangular
from symgrad.frontend.components import ByPosition
from symgrad.frontend.positions import table
from symgrad.frontend.scope import Scope, place_of
from symgrad.frontend.subscripts import Reading, SubscriptReader
from symgrad.graph.build import gather, index, sizes_of

_WRITTEN_OUT = 4  # a Levi-Civita symbol of more indices is a product of signs: an array of five has 3125 entries


class TableReader(SubscriptReader):
    """Reads entries of arrays that are written out."""

    def written_out(self, expr: Basic, scope: Scope) -> Reading | None:
        match expr:
            case Indexed() if isinstance(expr.base, NDimArray):
                return self._constant_array(expr, scope)
            case LeviCivita():
                return self._levi_civita(expr, scope)
            case ByPosition():
                return self._by_position(expr, scope)
        return None

    def _by_position(self, expr: ByPosition, scope: Scope) -> Reading:
        """Each value at its position along the axes of indices, on which it does not depend."""
        symbols, values = expr.entries()
        inside, terms = scope, {}
        for symbol in symbols:
            inside = inside.without(symbol)
        for at, value in values.items():
            terms[at] = yield value, inside
        axes = [scope.indices[symbol] for symbol in symbols]
        return table(terms, {axis.letter: axis.length for axis in axes})

    def _constant_array(self, expr: Indexed, scope: Scope) -> Reading:
        """An entry of an array that is written out, at any subscripts."""
        array, lengths = expr.base, [S(length) for length in expr.base.shape]
        if len(expr.indices) != len(lengths):
            raise ModelError(f"{place_of(expr)} has {len(expr.indices)} subscripts for {len(lengths)} axes")
        terms, subs = {}, {}
        for at in product(*(range(int(length)) for length in lengths)):
            terms[at] = yield array[at], scope
        for axis, (sub, length) in enumerate(zip(expr.indices, lengths, strict=True)):
            self._refuse_escaped(sub, scope)
            place = self.check_range(sub, length, axis, expr, scope)
            subs[axis, "of", array] = yield from self._position(sub, length, place, expr, scope)
        made = table(terms, dict(zip(subs, lengths, strict=True)))
        sizes = sizes_of([made])
        return gather(made, [subs.get(letter) or index(letter, sizes[letter]) for letter in made.letters])

    def _levi_civita(self, expr: LeviCivita, scope: Scope) -> Reading:
        """The sign of a permutation of consecutive integers, 0 for what is none."""
        rank, everywhere = len(expr.args), rectangular(scope.indices)
        ends = [(least(arg, everywhere), greatest(arg, everywhere)) for arg in expr.args]
        first = min((low for low, _ in ends if low is not None and low.is_Integer), default=S.Zero)
        if not all(low is not None and high is not None and first <= low <= high < first + rank for low, high in ends):
            raise UnsupportedError(
                f"{place_of(expr)}: the indices of a Levi-Civita symbol with {rank} of them run over {rank} "
                "consecutive integers, such as 0 ... 2"
            )
        if rank <= _WRITTEN_OUT:
            sides = [range(rank)] * rank
            signs = [LeviCivita(*at) for at in product(*sides)]
            array = ImmutableDenseNDimArray(signs, (rank,) * rank)
            return (yield Indexed(array, *(arg - first for arg in expr.args)), scope)
        return (yield Mul(*(sign(other - one) for one, other in combinations(expr.args, 2))), scope)
