"""The shapes of entries, of reductions over their indices, and of what is said for all of them."""

from collections.abc import Iterator, Sequence

from symgrad.text import declared, lengths, tree
from symgrad.text.sizes import ONE, SCALAR, Shape
from symgrad.text.unified import Conflict, Part, Unified


class Entries(Unified):
    """Definitions, constraints, subscripts and reductions."""

    def define(self, definition: tree.Definition) -> None:
        """What is known of a quantity by one of its equations."""
        name, stated = definition.name, self.stated.get(definition.name)
        if stated is not None:
            self.of_stated(name)
        left = tree.Subscripted(tree.Name(name, definition.at), definition.subscripts, definition.at)
        self.computed = frozenset((*tree.computed_with(left), *tree.computed_with(definition.value)))
        if not definition.subscripts:
            found = self.part(definition.value)
            shape = found.shape
            if stated is not None and not self._fits(shape, definition):
                message = f"{name} is declared as {{}}, and its value is {{}}"
                raise self.conflict(message, [self.shape_of(name), shape], definition.at)
            if stated is None:
                self.quantities[name], self.defined[name] = shape, found
            return
        self._open(definition.indices)
        if stated is not None:
            self._of_subscripted(left)
        if not (value := self.part(definition.value)).is_scalar:
            raise self.conflict("the value of an entry is a scalar, and this is {}", [value.shape], definition.value.at)
        sizes = self._close(definition.indices, free=stated is not None)
        if stated is None:
            self.quantities[name] = made = (*sizes, ONE)[: max(2, len(sizes))]
            self.defined[name] = Part(made[:2])  # type: ignore[arg-type]

    def _fits(self, shape: Shape, definition: tree.Definition) -> bool:
        kind = self.stated[definition.name]
        if kind.kind == declared.ARRAY:
            return False
        return all(
            self.join(a, b, definition.value) for a, b in zip(self.shape_of(definition.name), shape, strict=True)
        )

    def constrain(self, comparison: tree.Comparison, indices: Sequence[tree.Name]) -> None:
        """Compare two parts, for all values of indices."""
        self.computed = frozenset(tree.computed_with(comparison))
        self._open(indices)
        if not (made := self.part(comparison)).is_scalar and indices:
            raise self.conflict("at each index scalars are compared; this is {}", [made.shape], comparison.at)
        self._close(indices, free=True)

    def _open(self, indices: Sequence[tree.Name]) -> None:
        """Begin what holds for all values of indices."""
        for index in indices:
            self.bound[id(index)] = self.indices[index.text] = self.sizes.new()

    def _close(self, indices: Sequence[tree.Name], free: bool) -> list[int]:
        """End it, and give their sizes; those that are `free` follow from what the subscripts are computed of."""
        sizes = [self.indices.pop(index.text) for index in indices]
        for size, index in zip(sizes, indices, strict=True):
            if not free or index.text not in self.computed:
                self.lengths.append((size, index))
        return sizes

    def all_lengths_known(self) -> None:
        """An error where nothing says how long an axis is."""
        known = {self.sizes.find(size) for sizes in (*self.symbols.values(), *self._stated_sizes()) for size in sizes}
        for size, node in self.lengths:
            if self.sizes.find(size) not in known and not self.sizes.known(size):
                what = "how far this index goes" if isinstance(node, tree.Binder | tree.Name) else "how large this is"
                raise self.wrong(f"nothing says {what}", node)

    def _stated_sizes(self) -> Iterator[tuple[int, ...]]:
        return (sizes for name, sizes in self.quantities.items() if name in self.stated)

    def _of_subscripted(self, node: tree.Subscripted) -> Part:
        axes = self._axes(node)
        if len(axes) != len(node.subscripts):
            raise Conflict(
                f"{self.text(node)}: {self.text(node.base)} has {len(axes)} subscript{'s' * (len(axes) != 1)}, "
                f"not {len(node.subscripts)}",
                (),
                node.at,
            )
        for axis, subscript in zip(axes, node.subscripts, strict=True):
            if isinstance(subscript, tree.Name) and subscript.text in self.indices:
                size = self.indices[subscript.text]
                self.of[id(subscript)] = SCALAR
                if self._is_whole(subscript.text) and not self._fill(axis, size, node):
                    message = f"{self.text(node)}: {subscript.text} has {{}}, and the axis has {{}}"
                    counts = (("value", (size,)), ("entry", (axis,)))
                    raise Conflict(message, counts, node.at, subscript.at)
            elif not self.part(subscript).is_scalar:
                raise self.wrong("a subscript is an index or a whole number", subscript)
        return Part(SCALAR)

    def _axes(self, node: tree.Subscripted) -> tuple[int, ...]:
        if isinstance(node.base, tree.Name) and node.base.text in self.kinds:
            self.of[id(node.base)] = SCALAR
            return self.symbols[node.base.text]
        if isinstance(node.base, tree.Name) and node.base.text in self.stated:
            self.of[id(node.base)] = SCALAR
            return self.of_stated(node.base.text)
        if isinstance(node.base, tree.Name) and len(self.quantities.get(node.base.text, ())) > 2:
            self.of[id(node.base)] = SCALAR
            return self.quantities[node.base.text]
        return tuple(size for size in self.part(node.base).shape if not self.sizes.is_one(size))

    def _of_reduction(self, node: tree.Reduction) -> Part:
        before = dict(self.indices), self.parts_of_axes, self.computed
        indices = {binder.index for binder in node.binders}
        self.computed -= indices  # without a range they run over a whole axis, and the compiler looks at the others
        for binder in node.binders:
            self._bind(binder, node.kind in tree.ENTRIES_OF)
        body = self.part(node.body)
        self.indices, self.parts_of_axes, self.computed = before
        if not body.is_scalar:
            message = f"what is reduced over indices is a scalar, and {self.text(node.body)} is {{}}"
            raise self.conflict(message, [body.shape], node.body.at, node.place)
        return Part(SCALAR)

    def _bind(self, binder: tree.Binder, is_entry: bool) -> None:
        """A bound index with its size; that of an entry is bound around it, and has the same size."""
        around = self.indices.get(binder.index)
        if around is not None and not is_entry:
            raise self.wrong(f"{binder.index} is bound already, further out", binder)
        size = lengths.length(binder)
        made = self.sizes.named(size) if size is not None else self.sizes.new()
        if around is not None and not self.join(made, around, binder):
            raise self.wrong(f"{binder.index} has another range than further out", binder)
        self.bound[id(binder)] = self.indices[binder.index] = made
        for bound in (binder.lower, binder.upper):
            if bound is not None and not self.part(bound).is_scalar:
                raise self.wrong("a range goes from one whole number to another", bound)
        self.lengths.append((made, binder))
        self.parts_of_axes -= {binder.index}
        if self.program.origin is not None and size is not None and binder.first != self.program.origin:
            self.parts_of_axes |= {binder.index}

    def of_stated(self, name: str) -> tuple[int, ...]:
        """The sizes of a quantity that is declared, of which other parts may be defined later."""
        if name not in self.quantities:
            self.quantities[name] = self.sizes_of(self.stated[name])
        return self.quantities[name]

    def _fill(self, axis: int, size: int, node: tree.Node) -> bool:
        """Make an index as long as an axis; where subscripts are counted, it may be one that runs over a part.

        Whether the part is within the axis is for the compiler to say, which knows how sizes compare.
        """
        is_part = self.sizes.known(axis) and self.sizes.known(size) and self.program.origin is not None
        return self.join(axis, size, node) or is_part

    def _is_whole(self, index: str) -> bool:
        """Whether an index runs over the whole axis that it is the subscript of.

        A range may be shorter than the axis where it says so, and where a subscript is computed with it.
        """
        return index not in self.parts_of_axes | self.computed
