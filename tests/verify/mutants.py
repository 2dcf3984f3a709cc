"""Wrong gradients made from right ones: in the statements of a generated module, and in the arrays that it returns.

Only `value_and_gradient` is changed, by one expression or one statement, whatever kind of statement that is
(assignments, `+=`, calls with `out=`, loops, nested functions). The value stays right, and `gradient` returns the same
wrong numbers, so that nothing but derivatives gives a mutant away.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

FUNCTION = "value_and_gradient"
PARTS = tuple(f"_{FUNCTION}_{part}" for part in ("before", "rows", "between", "after"))
UNCHANGED = ("_arguments(", "_shape", ".shape", '"""', "_over_rows", "_check")  # in statements that compute nothing
RELATIVE = 1e-4


@dataclass(frozen=True)
class Mutant:
    """A wrong module: of what kind the mistake is, what was changed, and how to make it."""

    kind: str
    change: str
    make: Callable[[], Any]


def imported(text: str) -> ModuleType:
    module = ModuleType("mutant")
    exec(compile(text, "<mutant>", "exec"), module.__dict__)
    return module


def mutants(source: str, module: Any, square: list[bool]) -> list[Mutant]:
    """All mutants of a module; `square` says of which parameters the last two sides are equal by declaration."""
    return [*text_mutants(source, module), *result_mutants(module, square)]


# --- of the text ------------------------------------------------------------------------------------------------------


def text_mutants(source: str, module: Any) -> Iterator[Mutant]:
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_part(node)]
    for number, node in enumerate(node for function in functions for node in ast.walk(function)):
        if isinstance(node, ast.expr | ast.stmt):  # operators are the same objects everywhere
            node.number = number  # type: ignore[union-attr]  # copies keep it
    for owner, statement in ((function, one) for function in functions for one in _computing(function)):
        names = _assigned_before(owner, statement)
        for node in ast.walk(statement):
            for kind, new in _wrong(node, names):
                text = ast.unparse(node)
                change = f"{text if len(text) < 60 else text[:60] + '…'} → {ast.unparse(new)[:60]}"
                yield Mutant(kind, change, lambda number=node.number, new=new: _replaced(tree, number, new, module))


def _is_part(function: ast.FunctionDef) -> bool:
    """Whether it is the function, or one of its parts."""
    return function.name == FUNCTION or function.name.startswith(PARTS)


def _computing(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """The statements that compute numbers; those of blocks one by one."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and function.name in (FUNCTION, f"_{FUNCTION}_after"):
            continue  # what it holds is assigned before; its mistakes are those of results
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr) and node.value is not None:
            text = ast.unparse(node)
            if not any(word in text for word in (*UNCHANGED, *(f"{part}(" for part in PARTS))):
                yield node


def _assigned_before(function: ast.FunctionDef, statement: ast.stmt) -> list[str]:
    found = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and node.lineno < statement.lineno
        for target in node.targets
        if isinstance(target, ast.Name) and ".shape" not in ast.unparse(node)
    }
    return sorted(found)


def _wrong(node: ast.AST, names: list[str]) -> Iterator[tuple[str, ast.AST]]:
    """What may be wrong about one expression or statement."""
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield "sign", ast.BinOp(left, ast.Sub(), right)
            yield "missing term", left
            yield "missing term", right
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield "sign", ast.BinOp(left, ast.Add(), right)
            yield "missing term", left
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "sign", operand
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            yield "transposed square matrix", ast.BinOp(_attribute(left, "T"), ast.MatMult(), right)
            yield "transposed square matrix", ast.BinOp(left, ast.MatMult(), _attribute(right, "T"))
            # one term of the sum that a product of matrices is
            yield "dropped sum", ast.BinOp(_first(left, (ast.Constant(...),)), ast.MatMult(), _first(right, ()))
        case ast.Attribute(value=value, attr="T"):
            yield "transposed square matrix", value
        case ast.Slice(lower=lower, upper=upper, step=step):
            if lower is not None:
                yield "index off by one", ast.Slice(_plus(lower, -1), upper and _plus(upper, -1), step)
            if upper is not None:
                yield "index off by one", ast.Slice(lower and _plus(lower, 1), _plus(upper, 1), step)
        case ast.Subscript(value=value, slice=ast.BinOp(op=ast.Add() | ast.Sub()) as index, ctx=ast.Load()):
            yield "index off by one", ast.Subscript(value, _plus(index, 1), ast.Load())
            yield "index off by one", ast.Subscript(value, _plus(index, -1), ast.Load())
        case ast.Call(func=ast.Attribute(value=operand, attr="sum"), args=[], keywords=options):
            axis = next((option.value for option in options if option.arg == "axis"), None)
            yield "dropped sum", operand
            for part in (ast.Slice(None, ast.Constant(1)), ast.Slice(None, ast.Constant(-1))):  # one term, all but one
                if axis is None:
                    some: ast.expr = ast.Subscript(ast.Call(_attribute(operand, "ravel"), [], []), part, ast.Load())
                    yield "dropped sum", ast.Call(_attribute(some, "sum"), [], [])
                elif isinstance(axis, ast.Constant) and isinstance(axis.value, int):
                    places = [ast.Slice()] * axis.value + [part]
                    some = ast.Subscript(operand, ast.Tuple(places, ast.Load()), ast.Load())
                    yield "dropped sum", ast.Call(_attribute(some, "sum"), [], options)
            if isinstance(axis, ast.Constant):
                others = [option for option in options if option.arg != "axis"]
                for other in {0, 1, 2} - {axis.value}:
                    new = ast.keyword("axis", ast.Constant(other))
                    yield "wrong axis", ast.Call(node.func, node.args, [*others, new])
        case ast.Call(func=ast.Attribute(attr="vdot") as function, args=[left, right]):
            first = [_first(ast.Call(_attribute(side, "ravel"), [], []), ()) for side in (left, right)]
            yield "dropped sum", ast.Call(function, first, [])
        case ast.Call(func=ast.Attribute(attr="transpose") as function, args=[*axes]) if len(axes) > 1:
            yield "wrong axis", ast.Call(function, [*axes[1:], axes[0]], [])
            yield "wrong axis", ast.Call(function, [*axes[:-2], axes[-1], axes[-2]], [])
        case ast.Call(func=ast.Attribute(attr="add") as add, args=[left, right, *rest], keywords=options):
            subtract = _attribute(add.value, "subtract")
            yield "sign", ast.Call(subtract, [left, right, *rest], options)
            yield "missing term", ast.Call(_attribute(add.value, "positive"), [left, *rest], options)
        case ast.Call(func=ast.Attribute(attr="subtract") as minus, args=[left, right, *rest], keywords=options):
            yield "sign", ast.Call(_attribute(minus.value, "add"), [left, right, *rest], options)
        case ast.AugAssign(target=target, op=ast.Add(), value=value):
            yield "sign", ast.AugAssign(target, ast.Sub(), value)
            yield "missing term", ast.Pass()
        case ast.AugAssign(target=target, op=ast.Sub(), value=value):
            yield "sign", ast.AugAssign(target, ast.Add(), value)
        case ast.Assign(targets=targets, value=value):
            single = ast.Call(ast.Name("_through_float32", ast.Load()), [value], [])
            yield "factor 2", ast.Assign(targets, ast.BinOp(ast.Constant(2), ast.Mult(), value), lineno=node.lineno)
            near = ast.BinOp(ast.Constant(1 + RELATIVE), ast.Mult(), value)
            yield "error of 1e-4", ast.Assign(targets, near, lineno=node.lineno)
            yield "float32 leak", ast.Assign(targets, single, lineno=node.lineno)
        case ast.Constant(value=float(value)):
            yield "factor 2", ast.Constant(2 * value)
        case ast.Name(id=name, ctx=ast.Load()) if name in names:
            for other in names:
                if other != name:
                    yield "stale variable", ast.Name(other, ast.Load())


def _attribute(value: ast.expr, name: str) -> ast.Attribute:
    return ast.Attribute(value, name, ast.Load())


def _plus(index: ast.expr, number: int) -> ast.expr:
    return ast.BinOp(index, ast.Add(), ast.Constant(number))


def _first(value: ast.expr, before: tuple[ast.expr, ...]) -> ast.expr:
    """The first entries alone: of the last axis after an ellipsis, else of the first axis."""
    places = ast.Tuple([*before, ast.Slice(None, ast.Constant(1))], ast.Load())
    return ast.Subscript(value, places, ast.Load())


class _Replace(ast.NodeTransformer):
    def __init__(self, number: int, new: ast.AST) -> None:
        self._number, self._new = number, new

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr | ast.stmt) and getattr(node, "number", None) == self._number:
            return copy.deepcopy(self._new)
        return super().generic_visit(node)


def _replaced(tree: ast.Module, number: int, new: ast.AST, module: Any) -> Any:
    changed = _Replace(number, new).visit(copy.deepcopy(tree))
    wrong = imported(ast.unparse(ast.fix_missing_locations(changed)))
    wrong.__dict__["_through_float32"] = _through_float32
    return _with_gradient(module, lambda inputs: getattr(wrong, FUNCTION)(**inputs)[1])


def _through_float32(value: Any) -> Any:
    """Numbers that have been in single precision, in the type that they had."""
    if isinstance(value, tuple):
        return tuple(map(_through_float32, value))
    array = np.asarray(value)
    return array.astype(np.float32).astype(array.dtype)[()] if array.dtype.kind == "f" else value


def _with_gradient(module: Any, gradient: Callable[[dict[str, Any]], Any]) -> Any:
    """A module with the right value and another gradient."""
    return SimpleNamespace(
        value=module.value,
        gradient=lambda **inputs: gradient(inputs),
        value_and_gradient=lambda **inputs: (module.value(**inputs), gradient(inputs)),
    )


# --- of the results ---------------------------------------------------------------------------------------------------


def _entry(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def changed(part: Any) -> Any:
        part = np.array(part)
        if part.size:
            place = np.unravel_index(int(np.argmax(np.abs(part))), part.shape)
            part[place] = change(part[place])
        return part

    return changed


_RESULTS: dict[str, list[Callable[[Any], Any]]] = {
    "sign": [lambda part: -part],
    "factor 2": [lambda part: 2 * part, lambda part: part / 2],
    "error of 1e-4": [lambda part: part * part.dtype.type(1 + RELATIVE)],
    "error of 2e-6": [lambda part: part * part.dtype.type(1 + 2e-6)],
    "one entry wrong": [
        _entry(lambda entry: -entry),
        _entry(lambda entry: 0 * entry),
        _entry(lambda entry: entry * (1 + 1e-4)),
        _entry(lambda entry: entry * (1 + 2e-6)),
    ],
    "index off by one": [partial(np.roll, shift=1, axis=axis) for axis in (0, -1)],
    "wrong axis": [partial(np.flip, axis=axis) for axis in (0, -1)],
    "float32 leak": [_through_float32],
}
_NEED_AXES = ("index off by one", "wrong axis")


def result_mutants(module: Any, square: list[bool]) -> Iterator[Mutant]:
    for number, name in enumerate(module.PARAMETERS):
        for kind, changes in _RESULTS.items():
            for variant, change in enumerate(changes):
                if kind not in _NEED_AXES or module.SHAPES[name]:
                    yield _result(module, number, kind, f"{kind} of {name}, variant {variant}", change)
        if square[number]:
            transposed = lambda part: np.swapaxes(part, -1, -2)  # noqa: E731
            yield _result(module, number, "transposed square matrix", f"{name} transposed", transposed)


def _result(module: Any, number: int, kind: str, change: str, function: Callable[[Any], Any]) -> Mutant:
    def gradient(inputs: dict[str, Any]) -> Any:
        parts = module.value_and_gradient(**inputs)[1]
        return tuple(function(part) if k == number else part for k, part in enumerate(parts))

    return Mutant(kind, change, lambda: _with_gradient(module, gradient))
