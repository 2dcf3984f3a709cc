"""Terms as SymPy expressions in index notation."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from sympy import (
    Abs,
    And,
    Dummy,
    Eq,
    Expr,
    Ge,
    Idx,
    IndexedBase,
    KroneckerDelta,
    Lambda,
    Le,
    MatrixSymbol,
    Mod,
    Mul,
    Or,
    Product,
    Rational,
    S,
    Sum,
    Symbol,
    exp,
    floor,
    log,
    preorder_traversal,
    sign,
)
from sympy import Add as SymAdd

from symgrad.functions import IndexedSoftmax, if_else
from symgrad.functions.norms import reciprocal_root
from symgrad.functions.spelled import spelled
from symgrad.graph.build import (
    CHOLESKY,
    DET,
    INVERSE,
    LOG_SOFTMAX,
    LOGDET,
    ONE,
    SIGN_DET,
    SOFTMAX,
    ZERO,
    apply,
    sizes_of,
)
from symgrad.graph.comparisons import Mask, comparison, without_masks
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.node import missing
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Input,
    Letter,
    MatrixFunction,
    Merge,
    Named,
    Past,
    Previous,
    Range,
    Reduce,
    Scan,
    Scatter,
    Size,
    Solution,
    Split,
    Trajectory,
    Unknown,
    Use,
)
from symgrad.graph.transform import terms_of
from symgrad.matrix_functions import CholeskyEntry, DetOver, InverseEntry, LogDetOver

_SPARE = "ijklmnpqrs"


class IndexLambda(Lambda):  # type: ignore[misc]
    """A formula as a function of its indices that may be called with any index.

    SymPy's own `Lambda` substitutes under sums, so that an argument that is also summed over inside is captured.

    Examples
    --------
    >>> from sympy import IndexedBase, Sum, symbols
    >>> i, j, N = symbols("i j N", integer=True)
    >>> X = IndexedBase("X", shape=(N, N))
    >>> IndexLambda((j,), Sum(X[i, j], (i, 0, N - 1)))(i)
    Sum(X[_i, i], (_i, 0, N - 1))
    """

    def __call__(self, *indices: Any) -> Expr:
        free = {symbol for index in indices for symbol in S(index).free_symbols}
        bound = {limit[0] for part in preorder_traversal(self.expr) if hasattr(part, "limits") for limit in part.limits}
        renamed = {symbol: Dummy(symbol.name, integer=True) for symbol in free & bound}
        return Lambda(self.variables, self.expr.xreplace(renamed))(*indices)


class IndexNames:
    """Chooses index symbols: those that the model itself uses for a size where they are free, else i, j, k, ..."""

    def __init__(self, used: Mapping[Expr, Sequence[Any]]) -> None:
        self._used = used

    def pick(self, size: Expr, taken: set[Any]) -> Any:
        names = {str(symbol) for symbol in taken}
        for symbol in self._used.get(size, ()):
            if str(symbol) not in names:  # an index begins at zero, even if the equation where it occurs does not
                return Symbol(symbol.name, integer=True) if symbol.is_positive else symbol
        return next(s for s in self._candidates() if str(s) not in names)

    def _candidates(self) -> Iterator[Symbol]:
        for suffix in count():
            for letter in _SPARE:
                yield Symbol(letter + (str(suffix) if suffix else ""), integer=True)


class IndexWriter:
    """Writes terms as expressions; `at` maps the letters of a term to index expressions."""

    def __init__(self, names: IndexNames) -> None:
        self._names = names

    def write(self, use: Use, at: Mapping[Letter, Any]) -> Expr:
        """The entry of a term at the given indices."""
        node = use.node
        subs = tuple(at[letter] for letter in use.letters)
        match node:
            case Input() | Named():
                return entry(node.symbol, subs)
            case Solution(unknown=Unknown(symbol=symbol)) | Unknown(symbol=symbol):
                return entry(symbol, subs)
            case Past(state=state):
                return entry(state.symbol, subs[1:])
            case Previous(state=state, lag=lag):
                return entry(state.symbol, _shifted(subs, state.axis, state.start - lag))
            case Trajectory(scan=scan, number=state_number):
                return entry(scan.node.states[state_number].symbol, subs)  # type: ignore[attr-defined]
            case Const(value=value) | Size(value=value):
                return value
            case Range():
                return subs[0]
            case Delta():
                return KroneckerDelta(*subs)
        # every index in use further out stays known further in, where no bound index may take its name: SymPy's own
        # substitution does not respect binders, so a formula must not have the same name bound inside and free outside
        inside: dict[Letter, Any] = {("outer", str(index)): index for index in at.values()} | dict(enumerate(subs))
        match node:
            case Add(terms=terms):
                return SymAdd(*(c * self.write(term, inside) for c, term in terms))
            case Apply():
                return self._applied(node, inside)
            case Contract(bound=bound):
                limits = self._bind(inside, node.rank, bound, at)
                narrowed, limits = _narrowed(node, inside, limits)
                body = Mul(*(self.write(factor, inside) ** e for factor, e in narrowed))
                return Sum(body, *limits) if limits else body
            case Reduce(head=head, arg=arg, bound=bound):
                limits = self._bind(inside, node.rank, bound, at)
                return head(self.write(arg, inside), *limits)
            case AxisMap():
                return self._axis_map(node, inside, at)
            case MatrixFunction():
                return self._matrix_function(node, inside, at)
            case Merge(arg=arg, axis=axis, lengths=(_, length)):
                position = inside[axis]
                inside |= {node.rank: floor(position / length), node.rank + 1: Mod(position, length)}
                return self.write(arg, inside)
            case Split(arg=arg, axes=(first, second)):
                return self.write(arg, {**inside, node.rank: inside[first] * node.shape[second] + inside[second]})
            case Gather(base=base, subs=positions):
                found = [self.write(position, inside) for position in positions]
                made = self.write(Use(base.node, tuple(range(base.node.rank))), {**at, **dict(enumerate(found))})
                whole = {Mod(sub, side): sub for sub, side in zip(subs, node.shape, strict=True) if S(sub).is_Symbol}
                return made.xreplace(whole)  # round and back again
            case Scatter():
                return self._scatter(node, inside, at)
        raise missing(node, "formulas")

    def _applied(self, node: Apply, inside: Mapping[Letter, Any]) -> Expr:
        match node:
            case Apply(head=head, args=(arg,)) if head is reciprocal_root:
                return self.write(arg, inside) ** Rational(-1, 2)
            case Apply(args=(Use(node=Reduce(head=head)), label, _)) if head is Or:  # where nothing looks it up, else 0
                return self.write(label, inside)
        return spelled(node.head, [self.write(arg, inside) for arg in node.args])

    def _scatter(self, node: Scatter, inside: dict[Letter, Any], outer: Mapping[Letter, Any]) -> Expr:
        limits = self._bind(inside, node.rank, node.bound, outer)
        deltas, holds = [], []
        for axis, position in enumerate(node.subs):
            start = _shift(position)
            known = [limit for limit in limits if start is not None and limit[0] == inside[position.letters[0]]]
            if known:  # Σ_i δ(n, i + c)·f(i) = f(n - c)
                limits.remove(known[0])
                inside[position.letters[0]] = inside[axis] - start
                if start != 0:
                    holds.append(Ge(inside[axis], start))
                if (node.shape[axis] - position.node.shape[0] - start).expand() != 0:
                    holds.append(Le(inside[axis], start + position.node.shape[0] - 1))
        condition = And(*holds)
        if condition == S.false:  # at the number N, which an array of N entries does not have
            return S.Zero
        for axis, position in enumerate(node.subs):
            at_axis = self.write(position, inside)
            if at_axis != inside[axis]:
                deltas.append(KroneckerDelta(inside[axis], at_axis))
        body = Mul(self.write(node.value, inside), *deltas)
        body = Sum(body, *limits) if limits else body
        return body if condition == S.true or body == 0 else if_else(condition, body, S.Zero)

    def recursion(self, use: Use, at: Mapping[Letter, Any]) -> Expr:
        """The entry of a state of a backward recurrence, in terms of later entries of the states."""
        node = use.node
        assert isinstance(node, Trajectory) and isinstance(node.scan.node, Scan)
        scan, number = node.scan.node, node.number
        state, initial = scan.states[number], scan.initial[number]
        subs = {axis: at[letter] for axis, letter in enumerate(use.letters)}
        time = subs[state.axis]
        parts = [] if initial is None else [self.write(initial, subs)]
        bases = [(position, self.write(term, subs)) for owner, position, term in scan.bases if owner == number]
        parts += [if_else(Eq(time, position), term, S.Zero) for position, term in bases if term != 0]
        for update in scan.updates:
            if update.state != number:
                continue
            if update.lag is None:
                step = self._names.pick(scan.steps, {symbol for sub in subs.values() for symbol in S(sub).free_symbols})
                whole = {axis + 1: sub for axis, sub in subs.items()}
                parts.append(Sum(self.write(update.term, whole | {0: step}), (step, 0, scan.steps - 1)))
                continue
            first, last = S(state.start - update.lag), state.start - update.lag + scan.steps - 1
            term = self.write(update.term, subs | {state.axis: time - first})
            holds = S.true if first <= 0 else Ge(time, first)
            holds = And(holds, S.true if (state.shape[state.axis] - 1 - last).expand() <= 0 else Le(time, last))
            parts.append(term if holds is S.true else if_else(holds, term, S.Zero) if holds is not S.false else S.Zero)
        return SymAdd(*parts)

    def _bind(
        self, inside: dict[Letter, Any], rank: int, bound: Sequence[Expr], outer: Mapping[Letter, Any]
    ) -> list[tuple[Any, Any, Any]]:
        """Index symbols for the bound letters, different from every index in use around them."""
        taken = {symbol for sub in (*inside.values(), *outer.values()) for symbol in S(sub).free_symbols | {S(sub)}}
        limits = []
        for number, size in enumerate(bound, rank):
            symbol = self._names.pick(size, taken)
            taken.add(symbol)
            inside[number] = symbol
            limits.append((symbol, S.Zero, size - 1))
        return limits

    def _axis_map(self, node: AxisMap, inside: dict[Letter, Any], outer: Mapping[Letter, Any]) -> Expr:
        body = self.write(node.arg, inside)
        index = inside[node.over[0]]
        if node.head in (SOFTMAX, LOG_SOFTMAX):
            others = [S(inside[axis]) for axis in range(node.rank) if axis not in node.over]
            diagonal = any(index in other.free_symbols for other in others)
            if len(node.over) == 1 and isinstance(index, Symbol | Idx) and not diagonal:
                found = IndexedSoftmax(body, (index, S.Zero, node.shape[node.over[0]] - 1))
            else:
                sum_of, limits = self._elsewhere(node, inside, outer)
                found = exp(body) / Sum(exp(sum_of), *limits)
            return found if node.head == SOFTMAX else log(found)
        others, limits = self._elsewhere(node, inside, outer)
        same = [Eq(inside[axis], limit[0]) for axis, limit in zip(node.over, limits, strict=True)]
        condition = same[0]
        for part in same[1:]:
            condition = condition & part
        return Product(if_else(condition, S.One, others), *limits)

    def _matrix_function(self, node: MatrixFunction, inside: dict[Letter, Any], outer: Mapping[Letter, Any]) -> Expr:
        row, column, length = sides_of(node)
        if node.head in (INVERSE, CHOLESKY):
            at = (inside[row], inside[column])
            named = all(isinstance(index, Symbol) for index in at) and at[0] != at[1]
            moved = dict(inside)
            limits = (
                [(index, S.Zero, length - 1) for index in at]
                if named
                else self._bind(moved, row, [length, length], {**outer, **inside})
            )
            row_limit, column_limit = limits
            made = InverseEntry if node.head == INVERSE else CholeskyEntry
            return made(self.write(node.arg, moved), row_limit, column_limit, at)
        limits = self._bind(inside, row, [length, length], outer)
        body = self.write(node.arg, inside)
        if node.head == LOGDET:
            return LogDetOver(body, *limits)
        found = DetOver(body, *limits)
        if node.head == SIGN_DET:
            return sign(found)
        return found if node.head == DET else log(Abs(found))

    def _elsewhere(
        self, node: AxisMap, inside: Mapping[Letter, Any], outer: Mapping[Letter, Any]
    ) -> tuple[Expr, list[Any]]:
        """The operand at fresh indices along the axes that act together."""
        moved = dict(inside)
        limits = self._bind(moved, -len(node.over), [node.shape[axis] for axis in node.over], {**outer, **inside})
        for axis, limit in zip(node.over, limits, strict=True):
            moved[axis] = limit[0]
        return self.write(node.arg, moved), limits


def _shift(position: Use) -> Expr | None:
    """c of a position that is an index plus c; None of another one."""
    terms = terms_of(position)
    start = S.Zero
    for coefficient, term in terms:
        if isinstance(term.node, Size) or term.node is ONE.node:
            start += coefficient * (term.node.value if isinstance(term.node, Size) else 1)
        elif not isinstance(term.node, Range) or coefficient != 1:
            return None
    return start if len(position.letters) == 1 else None


def _narrowed(
    node: Contract, inside: Mapping[Letter, Any], limits: Sequence[tuple[Any, Any, Any]]
) -> tuple[list[tuple[Use, Expr]], list[tuple[Any, Any, Any]]]:
    """The factors without masks that end an index of the sum at another one, and the limits with these ends.

    Σ_j [i <= j] f(j) is the sum over j = i ... N - 1. The innermost index comes first, as SymPy wants it.
    """
    ends: dict[Letter, tuple[Expr, Expr]] = {}
    taken: set[Letter] = set()  # an index that ends another one has its own end already: it is further out
    factors = []
    for factor, exponent in node.factors:
        masks, body = without_masks(factor) if exponent == 1 else ([], factor)
        for mask in reversed(masks):
            found = _end(node, mask, inside, taken)
            if found is None:
                body = apply(if_else, [mask.condition, *((body, ZERO) if mask.holds else (ZERO, body))])
            else:
                letter, other, ends[letter] = found
                taken |= {letter, other}
        factors.append((body, exponent))
    inner = [(limits[letter - node.rank][0], *ends[letter]) for letter in reversed(ends)]
    return factors, [*inner, *(limit for letter, limit in enumerate(limits, node.rank) if letter not in ends)]


def _end(
    node: Contract, mask: Mask, inside: Mapping[Letter, Any], taken: Collection[Letter]
) -> tuple[Letter, Letter, tuple[Expr, Expr]] | None:
    """An index of the sum that a mask ends, at which other one, and its first and last value."""
    said = comparison(mask)
    for letter in () if said is None else (said.first, said.second):
        assert said is not None
        from_below, other, offset = said.of(letter)
        if letter < node.rank or letter in taken or other == letter:
            continue
        sizes = sizes_of([mask.condition])
        last, room = sizes[letter] - 1, (sizes[letter] - sizes[other] - offset).expand()
        end = inside[other] + offset
        if from_below and offset.is_nonnegative:
            return letter, other, (end, last)
        if not from_below and room.is_nonnegative and (offset + 1).is_nonnegative:
            return letter, other, (S.Zero, end)
    return None


def _shifted(subs: Sequence[Any], axis: int, offset: int) -> tuple[Any, ...]:
    return tuple(sub + offset if n == axis else sub for n, sub in enumerate(subs))


def entry(symbol: Any, subs: Sequence[Any]) -> Expr:
    """The entry of a user's object; sides of one of a matrix have no index in the graph."""
    if isinstance(symbol, MatrixSymbol):
        left = list(subs)
        return symbol[tuple(S.Zero if side == 1 else left.pop(0) for side in symbol.shape)]
    return symbol[tuple(subs)] if isinstance(symbol, IndexedBase) else symbol
