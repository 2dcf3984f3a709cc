"""The names of a formula by what they are: symbols, defined quantities, bound indices, sizes, constants."""

from collections.abc import Iterator
from dataclasses import dataclass

from symgrad.errors import FormulaError
from symgrad.text import functions, tree
from symgrad.text.declared import Declared, names_of


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
    sizes = frozenset(size for kind in given.values() for size in kind.sizes if not size.isdigit())
    return _Reader(program, given, sizes).read()


class _Reader:
    """Goes through a program, statement by statement."""

    def __init__(self, program: tree.Program, given: dict[str, Declared], sizes: frozenset[str]) -> None:
        self.program, self.given, self.sizes = program, given, sizes
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
                    self.sizes |= {self._size(node)}
        for definition in self.program.definitions:
            self._definition(definition)
        self._expression(self.program.result, frozenset())
        for constraint in self.program.constraints:
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
            if name in self.sizes or name in self.given or name in self.defined:
                raise self._wrong(f"{name} has another meaning already: give the index another name", node)
        for name in self.given:
            if name in self.sizes:
                raise self._wrong(f"{name} is declared, and is a size, too", self._declaration(name))
        symbols = tuple(name for name in names_of(self.program) if name in self.free)
        for name in self.given:
            if name not in self.free:
                raise self._wrong(f"{name} is declared, and does not occur in the formula", self._declaration(name))
        return Names(symbols, self.subscripts, frozenset(self.defined), frozenset(self.indices), frozenset(self.sizes))

    def _wrong(self, message: str, node: tree.Node | tree.Definition) -> FormulaError:
        return FormulaError(message, self.program.source, (node.at.start, node.at.end))

    def _size(self, binder: tree.Binder) -> str:
        """The size of a range: that of a whole axis, counted from 1 or from 0."""
        size = binder.size
        if isinstance(size, tree.Name) or (isinstance(size, tree.Number) and size.text.isdigit() and int(size.text)):
            return size.text
        example = f"{binder.index}=1:N or {binder.index}=0:N-1"
        raise self._wrong(f"an index runs over a whole axis: {binder.index}, {example}", binder)

    def _declaration(self, name: str) -> tree.Node:
        declared = (one for line in self.program.declarations for one in line.names if one.text == name)
        return next(declared, self.program.result)

    def _definition(self, definition: tree.Definition) -> None:
        name = definition.name
        if name in self.defined:
            raise self._wrong(f"{name} is defined twice", definition)
        if name in self.given or name in self.sizes:
            raise self._wrong(f"{name} is declared and defined: its shape follows from its definition", definition)
        if (functions.signature(name) and name not in functions.NAMES_TOO) or name in functions.CONSTANTS:
            raise self._wrong(f"{name} is the name of a function or constant", definition)
        indices = [subscript.text for subscript in definition.subscripts]
        if len(set(indices)) < len(indices):
            raise self._wrong("the indices of an entry differ from each other", definition)
        if len(indices) > 2:
            raise self._wrong("a defined quantity has two indices at most", definition)
        self.indices.update({subscript.text: subscript for subscript in definition.subscripts})
        self._expression(definition.value, frozenset(indices))
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
                self.indices.update({binder.index: binder for binder in node.binders})
                inner = scope | {binder.index for binder in node.binders}
            if isinstance(node, tree.Subscripted):
                self._plain(node, scope)
            stack.extend((below, inner) for below in _reversed(tree.parts(node)))

    def _plain(self, node: tree.Subscripted, scope: frozenset[str]) -> None:
        for subscript in node.subscripts:
            if isinstance(subscript, tree.Name):
                self.loose += [] if subscript.text in scope else [subscript]
            else:
                raise self._entry(subscript)

    def _entry(self, subscript: tree.Node) -> FormulaError:
        return self._wrong(
            "a subscript is an index that is bound, as by sum[i]; single entries and shifted indices are not part of "
            "formulas, where they might count from 0 or from 1",
            subscript,
        )

    def _subscripted(self, base: tree.Name, count: int) -> None:
        known = self.subscripts.setdefault(base.text, count)
        if known != count:
            raise self._wrong(f"{base.text} has {known} subscripts in one place and {count} in another", base)

    def _name(self, node: tree.Name, scope: frozenset[str]) -> None:
        name = node.text
        if name in self.to_come:
            raise self._wrong(f"{name} is used before it is defined", node)
        if name in scope or name in self.defined or name in self.sizes or name in functions.CONSTANTS:
            return
        if name == "eye" and name not in self.given:
            return
        known = functions.signature(name)
        if known is not None and name not in functions.NAMES_TOO:
            raise self._wrong(f"{name} is a function: write {known.example}", node)
        self.free.setdefault(name, node)


def _reversed(parts: Iterator[tree.Node]) -> list[tree.Node]:
    return list(parts)[::-1]
