"""Statements for tests, written as people write them: `x = A @ B + row`, `f[t] = tanh(a[t])`, `for t in range(1, K):`.

Functions are the heads of operations; `rows(A): …` is a block of rows. Variables are those of a table by their names;
any other is one of which nothing is known.
"""

import ast
from collections.abc import Mapping, Sequence

from sympy import Integer, Symbol, symbols, sympify

from symgrad.codegen.parts import printed_parts
from symgrad.codegen.speller import Speller
from symgrad.statements.arithmetic import matrix_product, negative, number, operation, power, product, quotient, total
from symgrad.statements.expressions import (
    NEW_AXIS,
    WHOLE_AXIS,
    Buffer,
    Expression,
    Length,
    Operation,
    Place,
    Read,
    Sides,
    Slice,
    Subscript,
)
from symgrad.statements.statements import Body, Define, Loop, Rows, Statement, Store, Unpack
from symgrad.targets.numpy.functions import NUMPY

N, M, K, T = symbols("N M K T", integer=True, positive=True)

Known = Mapping[str, Buffer]


def arrays(names: str, *shape: object, kind: str = "real", owner: str = "local") -> dict[str, Buffer]:
    """Variables of one shape, by name."""
    return {name: Buffer(name, tuple(shape), kind, owner) for name in names.split()}


class Writing:
    """Reads statements in the variables of a table."""

    def __init__(self, known: Known) -> None:
        self.known = dict(known)
        self.clocks: set[str] = set()

    def body(self, lines: str, *results: str) -> Body:
        """A function of these statements that returns these expressions."""
        statements = self.statements(ast.parse(lines).body)
        return Body(statements, tuple(self.expression(ast.parse(result, mode="eval").body) for result in results))

    def statements(self, nodes: Sequence[ast.stmt]) -> tuple[Statement, ...]:
        return tuple(self.statement(node) for node in nodes)

    def statement(self, node: ast.stmt) -> Statement:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                out = None
                if isinstance(value, ast.Call) and value.keywords and value.keywords[-1].arg == "out":
                    out = self.buffer(value.keywords.pop().value.id)  # type: ignore[attr-defined]
                return Define(self.buffer(name), self.expression(value), out)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
                buffers = tuple(self.buffer(name.id) for name in names)  # type: ignore[attr-defined]
                return Unpack(buffers, self.expression(value))
            case ast.Assign(targets=[target], value=value):
                return Store(self.expression(target), self.expression(value))
            case ast.AugAssign(target=target, op=op, value=value):
                sign = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply"}[type(op)]
                return Store(self.expression(target), self.expression(value), sign)
            case ast.For(target=ast.Name(id=clock), iter=ast.Call(args=ends), body=body):
                self.clocks.add(clock)
                first, end = (sympify(ast.unparse(end), locals={"N": N, "K": K, "T": T}) for end in ends)
                return Loop(clock, first, end, False, self.statements(body))
            case ast.FunctionDef(name=name, args=args, body=[*body, ast.Return(value=ast.Tuple(elts=returned))]):
                given = tuple(self.buffer(arg.arg) for arg in args.args)
                made = self.statements(body), tuple(map(self.expression, returned))
                sums = tuple(self.buffer(f"{name}_{n}") for n in range(len(returned)))
                return Rows(name, given, (), N, *made, sums, ("add",) * len(sums), M, M)
        raise ValueError(ast.unparse(node))

    def buffer(self, name: str) -> Buffer:
        return self.known.setdefault(name, Buffer(name))

    def expression(self, node: ast.expr) -> Expression:
        match node:
            case ast.Name(id=name) if name in self.clocks:
                return Length(Symbol(name))
            case ast.Name(id=name):
                return Read(self.buffer(name))
            case ast.Constant(value=value):
                return number(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return negative(self.expression(operand))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                first, second = self.expression(left), self.expression(right)
                return total([(False, first), (isinstance(node.op, ast.Sub), second)])
            case ast.BinOp(left=left, op=op, right=right):
                makers = {ast.MatMult: matrix_product, ast.Div: quotient, ast.Pow: power}
                parts = self.expression(left), self.expression(right)
                return makers[type(op)](*parts) if type(op) in makers else product(parts)
            case ast.Compare(left=left, comparators=[right]):
                return operation("greater", self.expression(left), self.expression(right))
            case ast.Attribute(value=array, attr="T"):
                return Operation("transpose", (self.expression(array),), (("axes", (1, 0)),))
            case ast.Subscript(value=array, slice=places):
                elements = places.elts if isinstance(places, ast.Tuple) else [places]
                return Subscript(self.expression(array), tuple(map(self.place, elements)))
            case ast.Call(func=ast.Name(id="empty" | "zeros" as head), args=sides):
                shape = Sides(tuple(Symbol(side.id, integer=True, positive=True) for side in sides))  # type: ignore[attr-defined]
                return operation(head, shape)
            case ast.Call(func=ast.Name(id="einsum"), args=[ast.Constant(value=letters), *parts]):
                inside, _, out = str(letters).partition("->")
                return operation("einsum", *map(self.expression, parts), letters=(tuple(inside.split(",")), out))
            case ast.Call(func=ast.Name(id=head), args=parts, keywords=keywords):
                options = {str(one.arg): ast.literal_eval(one.value) for one in keywords}
                return operation(head, *map(self.expression, parts), **options)
        raise ValueError(ast.unparse(node))

    def place(self, node: ast.expr) -> Place:
        match node:
            case ast.Constant(value=None):
                return NEW_AXIS
            case ast.Slice(lower=None, upper=None):
                return WHOLE_AXIS
            case ast.Slice(lower=None, upper=ast.Constant(value=stop)):
                return Slice(stop=Integer(stop))
            case ast.BinOp(left=ast.Name(id=clock), op=ast.Sub(), right=ast.Constant(value=step)):
                return Length(Symbol(clock) - step)
        return self.expression(node)


def spelled(body: Body) -> list[str]:
    """The statements in NumPy, after the functions that they call."""
    parts = printed_parts(body, Speller(NUMPY, "A.dtype"))
    return [line.text for line in (*(line for lines in parts.functions for line in lines), *parts.lines)]
