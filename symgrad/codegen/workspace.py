"""The statements of a function once more, for arrays that are kept between calls: every large result has its `out`.

Nested operations are taken apart first, so that no array is left to be made; what is returned is always a new array.
"""

import ast
import re
from collections.abc import Collection, Mapping, Sequence

from sympy import Symbol, sympify

from symgrad.codegen.array_text import OPERATORS, Array, Shape, described, ufunc
from symgrad.codegen.in_place import blocks, in_place, is_large
from symgrad.codegen.sizes import size_text
from symgrad.codegen.values import words

HELPERS = ("where_into", "tensordot_into", "zeros_into", "contiguous_into")  # of the module, for what has no `out`
_MAKERS = ("zeros", "empty", "block", "concatenate", "tensordot", "where")  # whose result is always a new array
_METHODS = ("sum", "max", "min")
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}
_UNKNOWN = Array((1,), False)


def with_kept_arrays(
    lines: Sequence[str],
    results: Sequence[str],
    known: Mapping[str, Array],
    rows: tuple[Symbol, str] | None,
    dtype: str,
) -> list[str]:
    """The statements with each large array in the workspace; `rows` is the number of rows and where it is read off."""
    printer = _Printer(dict(known), rows, dtype, words([*lines, *results]).keys())
    return printer.function(lines, results)


def keeps(line: str) -> bool:
    """Whether a statement, but not one of a function inside, asks for an array that is kept."""
    return re.search(r"\bkept\b", line) is not None and not line.startswith(" ")


class _Printer:
    def __init__(
        self, known: dict[str, Array], rows: tuple[Symbol, str] | None, dtype: str, taken: Collection[str]
    ) -> None:
        self.known, self.rows, self.dtype, self.taken = known, rows, dtype, set(taken)

    def function(self, lines: Sequence[str], results: Sequence[str], inside: bool = False) -> list[str]:
        """The body of a function without what it returns; a block of rows in it is a function by itself."""
        apart: list[str] = []
        for block in blocks(lines):
            if block[0].startswith("def "):
                apart += [block[0], *(f"    {line}" for line in self._rows_function(block[1:]))]
            elif len(block) == 1:
                apart += self._apart(block[0])
            else:
                apart += block
        dimension = None if self.rows is None else self.rows[0]
        reused = in_place(apart, results, self.known, dimension, nested=False)
        return self._kept(reused, results, inside)

    def _rows_function(self, block: Sequence[str]) -> list[str]:
        body = [line.removeprefix("    ") for line in block]
        start = next(n for n, line in enumerate(body) if line.startswith("return"))
        returned = ast.parse(f"def f():\n {' '.join(line.strip() for line in body[start:])}").body[0]
        assert isinstance(returned, ast.FunctionDef) and isinstance(returned.body[0], ast.Return)
        parts = returned.body[0].value
        assert isinstance(parts, ast.Tuple)
        statements, results = list(body[:start]), []
        for part in parts.elts:
            lines = self._apart(f"result = {_text(part)}")
            statements += lines[:-1]
            results.append(lines[-1].removeprefix("result = "))
        made = self.function(statements, results, inside=True)
        made += ["return (", *(f"    {text}," for text in results), ")"]
        if not any(keeps(line) for line in made):
            return made
        return ["with workspace.arrays() as kept:", *(f"    {line}" for line in made)]

    def _apart(self, line: str) -> list[str]:
        """A statement with the large arrays inside it in statements of their own."""
        try:
            (statement,) = ast.parse(line).body
        except (SyntaxError, ValueError):  # a comment, or an empty line
            return [line]
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            return [line]
        taker = _Taker(self)
        value = taker.operands(statement.value)
        return [line] if not taker.lines else [*taker.lines, f"{statement.targets[0].id} = {_text(value)}"]

    def fresh(self) -> str:
        """A name for a part of an expression."""
        number = 1
        while f"part_{number}" in self.taken:
            number += 1
        self.taken.add(f"part_{number}")
        return f"part_{number}"

    def large(self, node: ast.expr) -> Array | None:
        """What an expression makes, if that is a new large array of the floating type, or of truth values."""
        made = described(node, self.known)
        typed = made is not None and (made.floating or isinstance(node, ast.Compare))
        large = made is not None and made.new and typed and is_large(made.shape, self.rows and self.rows[0])
        return made if large else None

    def _kept(self, lines: Sequence[str], results: Sequence[str], inside: bool) -> list[str]:
        returned = self._returned(lines, results)
        made = []
        for line in lines:
            name, _, text = line.partition(" = ")
            node = ast.parse(text, mode="eval").body if name.isidentifier() and text else None
            array = None if node is None or name in returned else self.large(node)
            if array is not None and node is not None:
                dtype = self.dtype if array.floating else "bool"
                spelled = _with_out(node, self._buffer(name, array.shape, dtype, inside))
            else:
                spelled = None if node is None or name in returned else self._made_into(name, node)
            made.append(line if spelled is None else f"{name} = {spelled}")
        return made

    def _made_into(self, name: str, node: ast.expr) -> str | None:
        """What makes an array whose shape the text says, for an array that is kept under the name."""
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="np"), attr="zeros" | "empty" as maker),
                args=[shape],
                keywords=[ast.keyword(arg="dtype", value=dtype)],
            ):
                out = f'kept("{name}", {_text(shape)}, {_text(dtype)})'
                return f"_zeros_into({out})" if maker == "zeros" else out
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="ascontiguousarray"), args=[view]):
                return f'_contiguous_into(kept, "{name}", {_text(view)})'
            case ast.Call(func=ast.Name(id="_place" | "_add_windows"), args=[shape, *_]):
                return f'{_text(node)[:-1]}, out=kept("{name}", {_text(shape)}, {self.dtype}))'
        return None

    def _buffer(self, name: str, shape: Shape, dtype: str, inside: bool) -> str:
        sides = []
        for side in shape:
            inner = self.rows is not None and inside and side == self.rows[0]
            sides.append(self.rows[1] if self.rows is not None and inner else size_text(sympify(side)))
        return f'kept("{name}", ({", ".join(sides)}{"," if len(sides) == 1 else ""}), {dtype})'

    def _returned(self, lines: Sequence[str], results: Sequence[str]) -> set[str]:
        """The variables whose memory a result may be."""
        found: set[str] = set()
        for text in results:
            found |= set() if self._is_new(text) else words([text]).keys()
        before = 0
        while before < len(found):
            before = len(found)
            for line in lines:  # those of loops, too; an assignment to part of an array copies
                name, _, text = line.strip().partition(" = ")
                if name in found and self.known.get(name, _UNKNOWN).shape and not self._is_new(text):
                    found |= words([text]).keys()
        return found

    def _is_new(self, text: str) -> bool:
        """Whether an expression makes an array of its own."""
        node = ast.parse(text, mode="eval").body
        made = described(node, self.known)
        called = isinstance(node, ast.Call) and _text(node.func).removeprefix("np.") in _MAKERS
        return called or isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare) or (made is not None and made.new)


class _Taker(ast.NodeTransformer):
    """Takes the large arrays out of an expression, innermost first; `lines` assigns them."""

    def __init__(self, printer: _Printer) -> None:
        self.printer = printer
        self.lines: list[str] = []

    def operands(self, node: ast.expr) -> ast.expr:
        """The expression with its operands taken out, but not itself."""
        made = self.generic_visit(node)
        assert isinstance(made, ast.expr)
        return made

    def visit(self, node: ast.AST) -> ast.AST:
        made = super().visit(node) if not isinstance(node, ast.expr) else self.operands(node)
        if isinstance(made, ast.expr) and _with_out(made, "") is not None:
            array = self.printer.large(made)
            if array is not None:
                name = self.printer.fresh()
                self.lines.append(f"{name} = {_text(made)}")
                self.printer.known[name] = Array(array.shape, array.floating)
                return ast.Name(name, ast.Load())
        return made


def _with_out(node: ast.expr, out: str) -> str | None:
    """The operation into an array; None if it has no such form."""
    match node:
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return f"np.matmul({_text(left)}, {_text(right)}, out={out})"
        case ast.Call(func=ast.Attribute(value=left, attr="dot"), args=[right], keywords=[]):
            return f"np.dot({_text(left)}, {_text(right)}, out={out})"
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            return f"np.square({_text(left)}, out={out})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return f"np.{OPERATORS[type(op)][1]}({_text(left)}, {_text(right)}, out={out})"
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return f"np.{_COMPARISONS[type(op)]}({_text(left)}, {_text(right)}, out={out})"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"np.negative({_text(operand)}, out={out})"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=args, keywords=[]):
            if f"{name}_into" in HELPERS:
                return f"_{name}_into({out}, {', '.join(map(_text, args))})"
            if ufunc(node) is not None or name == "einsum":
                return f"np.{name}({', '.join(map(_text, args))}, out={out})"
        case ast.Call(func=ast.Attribute(value=array, attr=method), args=[], keywords=keywords) if method in _METHODS:
            options = [f"{keyword.arg}={_text(keyword.value)}" for keyword in keywords]
            return f"{_text(ast.Attribute(array, method, ast.Load()))}({', '.join([*options, f'out={out}'])})"
    return None


def _text(node: ast.expr) -> str:
    return ast.unparse(node).replace("'", '"')
