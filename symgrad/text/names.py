"""The names of a formula by what they are: symbols, defined quantities, bound indices, sizes, constants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symgrad.errors import FormulaError
from symgrad.text import functions, lengths, tree
from symgrad.text.declared import Declared, names_of
from symgrad.text.tree import Span


@dataclass(frozen=True)
class Names:
    """What the names of a program are.

    Attributes
    ----------
    symbols : parameters and data, in the order of the text.
    subscripts : for symbols that have subscripts, how many.
    defined, indices, sizes : the others.
    """

    symbols: tuple[str, ...]
    subscripts: dict[str, int]
    defined: frozenset[str]
    indices: frozenset[str]
    sizes: frozenset[str]


def names(program: tree.Program, given: dict[str, Declared]) -> Names:
    """What the names are.

    Raises
    ------
    FormulaError : a name is used before it is defined, has two meanings, or is that of a function.
    """
    sizes = frozenset(name for kind in given.values() for size in kind.sizes for name in lengths.names(size))
    return _Reader(program, given, sizes).read()


class _Reader:
    """Goes through a program, statement by statement."""

    def __init__(self, program: tree.Program, given: dict[str, Declared], sizes: frozenset[str]) -> None:
        self.program, self.given, self.sizes = program, given, sizes
        self.lengths = {size for kind in given.values() for size in kind.sizes}
        self.to_come = {definition.name for definition in program.definitions}
        self.defined: set[str] = set()
        self.indices: dict[str, tree.Node] = {}
        self.free: dict[str, tree.Name] = {}
        self.subscripts: dict[str, int] = {}
        self.loose: list[tree.Name] = []  # subscripts that no sum binds

    def read(self) -> Names:
        """The names, checked."""
        for part in self.program.expressions():
            for node in tree.walk(part):
                if isinstance(node, tree.Binder) and node.lower is not None:
                    self.sizes |= set(self._size(node))
                if isinstance(node, tree.Call) and node.function in ("eye", "ones", "zeros"):
                    self.sizes |= {one.text for one in tree.walk(node) if isinstance(one, tree.Name)}
        for definition in self.program.definitions:
            self._definition(definition)
        self._expression(self.program.result, frozenset())
        for constraint in (*self.program.constraints, *self.program.assumptions):
            indices = {index.text: index for index in constraint.indices}
            self.indices.update(indices)
            self._expression(constraint.comparison, frozenset(indices))
        for subscript in self.loose:
            if subscript.text not in self.indices:
                raise self._entry(subscript)
        for name, node in self.indices.items():
            if name in self.free:
                where = self.free[name]
                raise self._wrong(f"{name} is an index, and is not bound here: write sum[{name}] (...)", where)
            if name in self.sizes or name in self.given or name in self.defined or name in functions.CONSTANTS:
                raise self._wrong(f"{name} has another meaning already: give the index another name", node)
        for name in self.given:
            if name in self.sizes:
                raise self._wrong(f"{name} is declared, and is a size, too", self._declaration(name))
        symbols = tuple(name for name in names_of(self.program) if name in self.free)
        for name in self.given:
            if name not in self.free and name not in self.defined:
                raise self._wrong(f"{name} is declared, and does not occur in the formula", self._declaration(name))
        return Names(symbols, self.subscripts, frozenset(self.defined), frozenset(self.indices), frozenset(self.sizes))

    def _wrong(self, message: str, node: tree.Node | tree.Definition) -> FormulaError:
        return FormulaError(message, self.program.source, (node.at.start, node.at.end))

    def _size(self, binder: tree.Binder) -> tuple[str, ...]:
        """The names of the sizes that a range is made of: that of a whole axis, unless a line says the origin."""
        size = lengths.length(binder)
        if size is not None and self.program.origin is not None:
            bounds = (binder.lower, binder.upper)
            return tuple(
                node.text for bound in bounds if bound for node in tree.walk(bound) if isinstance(node, tree.Name)
            )
        is_whole = size is not None and size != "0" and (lengths.is_plain(size) or size in self.lengths)
        if size is not None and is_whole and binder.first is not None and not size.startswith("-"):
            return lengths.names(size)
        name = binder.index
        raise self._wrong(
            f"an index runs over a whole axis: {name}, {name}=1:N or {name}=0:N-1; over a part of one where a line "
            "says what subscripts count from: subscripts from 0, or subscripts from 1",
            binder,
        )

    def _declaration(self, name: str) -> tree.Node:
        declared = (one for line in self.program.declarations for one in line.names if one.text == name)
        return next(declared, self.program.result)

    def _definition(self, definition: tree.Definition) -> None:
        name = definition.name
        part_by_part = name in self.given and bool(definition.subscripts)  # base cases, and what follows from them
        if name in self.defined and not part_by_part:
            raise self._wrong(f"{name} is defined twice", definition)
        if name in self.sizes:
            raise self._wrong(f"{name} is a size, and cannot be defined", definition)
        if (functions.signature(name) and name not in functions.NAMES_TOO) or (
            name in functions.CONSTANTS and name not in self.given
        ):
            raise self._wrong(f"{name} is the name of a function or constant", definition)
        indices = [one.text for one in definition.subscripts if isinstance(one, tree.Name)]
        if len(set(indices)) < len(indices):
            raise self._wrong("the indices of an entry differ from each other", definition)
        if not definition.has_plain_subscripts:
            if not part_by_part:
                message = f"this defines a part of {name}: say how large it is, as in {name}: vector(T+1)"
                left = Span(definition.at.start, definition.subscripts[-1].at.end + 1)
                raise self._wrong(f"{message}; constraints follow `subject to`", replace(definition, at=left))
            self._entries(definition.subscripts, frozenset(one.text for one in definition.indices))
        if definition.subscripts:
            self._subscripted(tree.Name(name, definition.at), len(definition.subscripts))
        bound = frozenset(one.text for one in definition.indices)
        self.indices.update({one.text: one for one in definition.indices})
        for subscript in definition.subscripts:
            self._expression(subscript, bound)
        self._expression(definition.value, bound)
        self.to_come.discard(name)
        self.defined.add(name)

    def _expression(self, part: tree.Node, bound: frozenset[str]) -> None:
        stack: list[tuple[tree.Node, frozenset[str]]] = [(part, bound)]
        while stack:
            node, scope = stack.pop()
            if isinstance(node, tree.Name):
                self._name(node, scope)
                continue
            if isinstance(node, tree.Subscripted) and isinstance(node.base, tree.Name):
                self._subscripted(node.base, len(node.subscripts))
            if isinstance(node, tree.Binder):
                continue
            inner = scope
            if isinstance(node, tree.Reduction):
                self._reduction(node, scope)
                inner = scope | {binder.index for binder in node.binders}
            if isinstance(node, tree.Subscripted):
                self._plain(node, scope)
            stack.extend((below, inner) for below in _reversed(tree.parts(node)))

    def _reduction(self, node: tree.Reduction, scope: frozenset[str]) -> None:
        indices = [binder.index for binder in node.binders]
        self.indices.update({binder.index: binder for binder in node.binders})
        wanted = 2 if node.kind in tree.OF_MATRICES else 1
        if node.kind not in tree.REDUCTIONS and (len(set(indices)) < len(indices) or len(indices) != wanted):
            example = {tree.SOFTMAX: "softmax[k] z[k]"}.get(node.kind, f"{node.kind}[i,j] S[i,j]")
            raise self._wrong(f"write {example}", node)
        if node.kind in tree.ENTRIES_OF and not set(indices) <= scope:
            of = ",".join(indices)
            message = (
                f"{node.kind}[{of}] is the entry at {of}: bind {of} around it, as in p[{of}] = {node.kind}[{of}] ..."
            )
            raise self._wrong(message, node)

    def _plain(self, node: tree.Subscripted, scope: frozenset[str]) -> None:
        self._entries(node.subscripts, scope)
        for subscript in node.subscripts:
            if isinstance(subscript, tree.Name) and subscript.text not in scope | self.sizes:
                self.loose.append(subscript)

    def _entries(self, subscripts: Sequence[tree.Expression], scope: frozenset[str]) -> None:
        """Subscripts that are no indices need an origin."""
        for subscript in subscripts:
            is_index = isinstance(subscript, tree.Name) and (
                subscript.text in scope or subscript.text not in self.sizes
            )
            if not is_index and self.program.origin is None:
                raise self._entry(subscript)

    def _entry(self, subscript: tree.Node) -> FormulaError:
        return self._wrong(
            "a subscript is an index that is bound, as by sum[i]; for single entries and shifted indices, a line says "
            "what they count from: subscripts from 0, or subscripts from 1",
            subscript,
        )

    def _subscripted(self, base: tree.Name, count: int) -> None:
        known = self.subscripts.setdefault(base.text, count)
        if known != count:
            raise self._wrong(f"{base.text} has {known} subscripts in one place and {count} in another", base)

    def _name(self, node: tree.Name, scope: frozenset[str]) -> None:
        name = node.text
        if name in self.to_come and name in self.given:
            return  # of which part has been defined, or follows
        if name in self.to_come:
            raise self._wrong(f"{name} is used before it is defined", node)
        if name in scope or name in self.defined or name in self.sizes:
            return
        if name in functions.CONSTANTS and name not in self.given:
            return
        if name == "eye" and name not in self.given:
            return
        known = functions.signature(name)
        if known is not None and name not in functions.NAMES_TOO:
            raise self._wrong(f"{name} is a function: write {known.example}", node)
        self.free.setdefault(name, node)


def _reversed(parts: Iterator[tree.Node]) -> list[tree.Node]:
    return list(parts)[::-1]
