"""Tests the checker by mutation: wrong gradients put into generated modules, and how many of them the check finds.

    python tests/verify/mutation.py [--mutants 400] [--runs 2000]

Mutants are made of the text of a generated module (an operator, a constant, an axis, a slice, a transpose, a variable
or a term of `gradient` and `value_and_gradient` is changed, in both alike) and of its results (one entry, a factor, a
sign, a transpose, single precision). What a mutant does is measured against the right module: an error above 1e-6 of
the parameter's largest derivative has to be found, whatever made it. Right modules are checked with many seeds as well:
no alarm may be raised.
"""

import argparse
import ast
import copy
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from symgrad import Model  # noqa: E402
from symgrad.cli.model_file import ModelReference, load_model  # noqa: E402
from symgrad.verify.check import check_module  # noqa: E402

EXAMPLES = (
    "blocks", "bundle_adjustment", "factorisation", "graph", "logistic", "logistic.py:likelihood", "multilayer",
    "ridge", "sigmoid_derivative", "softmax",
)  # fmt: skip
VISIBLE = 1e-6
FUNCTIONS = ("gradient", "value_and_gradient")


@dataclass(frozen=True)
class Mutant:
    """A wrong module: what was changed, and the module."""

    kind: str
    module: Any


def example(name: str) -> Model:
    file, _, attribute = name.partition(".py")
    return load_model(ModelReference.parse(str(ROOT / "examples" / f"{file}.py{attribute}")))


def imported(text: str) -> ModuleType:
    module = ModuleType("mutant")
    exec(compile(text, "<mutant>", "exec"), module.__dict__)
    return module


# --- mutants of the text ----------------------------------------------------------------------------------------------


def changes(node: ast.AST, names: list[str]) -> Iterator[tuple[str, ast.AST]]:
    """What may be wrong about one expression."""
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield "sign", ast.BinOp(left, ast.Sub(), right)
            yield "missing term", left
            yield "missing term", right
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield "sign", ast.BinOp(left, ast.Add(), right)
            yield "missing term", left
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            yield "missing factor", left
            yield "missing factor", right
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(power))):
            yield "exponent", ast.BinOp(left, ast.Pow(), ast.Constant(power + 1))
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            yield "transposed factor", ast.BinOp(ast.Attribute(left, "T", ast.Load()), ast.MatMult(), right)
            yield "transposed factor", ast.BinOp(left, ast.MatMult(), ast.Attribute(right, "T", ast.Load()))
        case ast.Attribute(value=value, attr="T"):
            yield "transposed factor", value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "sign", operand
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield "constant", ast.Constant(value + 1)
        case ast.Constant(value=float(value)):
            yield "factor 2", ast.Constant(2 * value)
            yield "error of 1e-4", ast.Constant(value * (1 + 1e-4))
        case ast.Call(func=ast.Attribute(attr="sum"), args=[operand, *_]):
            yield "dropped sum", operand
        case ast.Slice(lower=ast.Constant(value=int(low)), upper=None):
            yield "index off by one", ast.Slice(None, ast.Constant(-low))
        case ast.Name(id=name, ctx=ast.Load()) if name in names:
            for other in names:
                if other != name:
                    yield "stale variable", ast.Name(other, ast.Load())


class _Replace(ast.NodeTransformer):
    """Replaces every expression that reads as `old` inside of the functions that compute gradients."""

    def __init__(self, old: str, new: ast.AST) -> None:
        self._old, self._new = old, new

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr | ast.slice) and ast.dump(node) == self._old:
            return copy.deepcopy(self._new)
        return super().generic_visit(node)


def text_mutants(source: str) -> Iterator[Mutant]:
    """Modules with one change in the statements of `gradient` and `value_and_gradient`."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS]
    statements = [s for f in functions if f.name == "value_and_gradient" for s in f.body if isinstance(s, ast.Assign)]
    names = sorted({t.id for s in statements for t in s.targets if isinstance(t, ast.Name)})
    seen: set[tuple[str, str]] = set()
    for statement in statements:
        for node in ast.walk(statement.value):
            for kind, new in changes(node, names):
                key = ast.dump(node), ast.dump(new)
                if key in seen:
                    continue
                seen.add(key)
                changed = copy.deepcopy(tree)
                for function in changed.body:
                    if isinstance(function, ast.FunctionDef) and function.name in FUNCTIONS:
                        function.body = [_Replace(key[0], new).visit(s) for s in function.body]
                yield Mutant(kind, imported(ast.unparse(ast.fix_missing_locations(changed))))


# --- mutants of the results -------------------------------------------------------------------------------------------


def _entry(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def changed(part: Any) -> Any:
        part = np.array(part)
        place = np.unravel_index(int(np.argmax(np.abs(part))), part.shape)
        part[place] = change(part[place])
        return part

    return changed


RESULTS: dict[str, Callable[[Any], Any]] = {
    "sign": lambda part: -part,
    "factor 2": lambda part: 2 * part,
    "error of 1e-4": lambda part: part * part.dtype.type(1 + 1e-4),
    "error of 2e-6": lambda part: part * part.dtype.type(1 + 2e-6),
    "one entry wrong": _entry(lambda entry: -entry),
    "one entry off by 2e-6": _entry(lambda entry: entry * (1 + 2e-6)),
    "one entry missing": _entry(lambda entry: 0 * entry),
    "index off by one": lambda part: np.roll(part, 1, axis=0) if np.ndim(part) else 2 * part,
    "wrong axis": lambda part: np.flip(part, axis=-1) if np.ndim(part) else 2 * part,
    "transposed square": lambda part: part.T if np.ndim(part) == 2 and part.shape[0] == part.shape[1] else 2 * part,
    "float32 leak": lambda part: part.astype(np.float32).astype(part.dtype),
    "average for sum": lambda part: part / max(2, np.shape(part)[0] if np.ndim(part) else 2),
}


def result_mutants(module: Any) -> Iterator[Mutant]:
    """Modules whose gradient is changed after it was computed, by one parameter."""
    for kind, change in RESULTS.items():
        for number in range(len(module.PARAMETERS)):
            yield Mutant(kind, _changed(module, number, change))


def _changed(module: Any, number: int, change: Callable[[Any], Any]) -> Any:
    def changed(gradient: Any) -> Any:
        return tuple(change(part) if k == number else part for k, part in enumerate(gradient))

    def value_and_gradient(**inputs: Any) -> Any:
        value, gradient = module.value_and_gradient(**inputs)
        return value, changed(gradient)

    return SimpleNamespace(
        value=module.value,
        gradient=lambda **inputs: changed(module.gradient(**inputs)),
        value_and_gradient=value_and_gradient,
    )


# --- the verdicts -----------------------------------------------------------------------------------------------------


class Trial:
    """One model with its right module, and the check of wrong ones."""

    def __init__(self, name: str) -> None:
        self.name, self.model = name, example(name)
        self.source = self.model.source()
        self.module = imported(self.source)
        self._known = self.model._checking.options()

    def mutants(self) -> list[Mutant]:
        return [*text_mutants(self.source), *result_mutants(self.module)]

    def check(self, module: Any, seed: int) -> Any:
        return check_module(module, self.model.arguments, self.model.facts, seed=seed, **self._known)

    def error(self, mutant: Any, inputs: Any) -> float:
        """The largest error of a mutant's gradient, relative to the largest derivative; inf where it raises."""
        right = self.module.gradient(**inputs)
        with np.errstate(all="ignore"):
            try:
                wrong = mutant.gradient(**inputs)
                errors = [
                    np.max(np.abs(np.subtract(a, b)), initial=0.0) / (np.max(np.abs(b), initial=0.0) or 1.0)
                    for a, b in zip(wrong, right, strict=True)
                ]
            except Exception:
                return float("inf")
        return float(np.max(np.nan_to_num(errors, nan=np.inf)))


def detection(trials: list[Trial], count: int, seed: int = 0) -> tuple[Counter[str], Counter[str], list[str]]:
    """How many mutants of each kind there were, how many were found, and those that were not.

    Mutants without a visible effect at the inputs of the check are no mutants; those that raise are left out, too.
    """
    from symgrad.verify.check import draw_inputs

    rng = np.random.default_rng(seed)
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    missed: list[str] = []
    for trial in trials:
        mutants = trial.mutants()
        draws = draw_inputs(trial.module, trial.model.arguments, trial.model.facts, seed=seed, **trial._known)
        chosen = 0
        for number in rng.permutation(len(mutants)):
            if chosen == -(-count // len(trials)):
                break
            mutant = mutants[number]
            errors = [trial.error(mutant.module, draw.inputs) for draw in draws]
            if np.inf in errors or max(errors) <= VISIBLE:
                continue
            chosen += 1
            made[mutant.kind] += 1
            if trial.check(mutant.module, seed).ok:
                missed.append(f"{trial.name}: {mutant.kind}, off by {max(errors):.2g}")
            else:
                found[mutant.kind] += 1
    return made, found, missed


def alarms(trials: list[Trial], runs: int, first_seed: int = 1000) -> list[str]:
    """The reports of right modules that do not pass."""
    wrong = []
    for number in range(runs):
        trial = trials[number % len(trials)]
        report = trial.check(trial.module, first_seed + number)
        if not report.ok:
            wrong.append(f"{trial.name}, seed {first_seed + number}:\n{report}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=400)
    parser.add_argument("--runs", type=int, default=2000)
    options = parser.parse_args()
    trials = [Trial(name) for name in EXAMPLES]
    made, found, missed = detection(trials, options.mutants)
    print(f"{'kind':<24} {'mutants':>7} {'found':>6}")
    for kind in sorted(made):
        print(f"{kind:<24} {made[kind]:>7} {found[kind]:>6}")
    print(f"{'all':<24} {made.total():>7} {found.total():>6}  {100 * found.total() / made.total():.1f} %")
    print("\n".join(missed))
    wrong = alarms(trials, options.runs)
    print(f"{len(wrong)} alarms in {options.runs} checks of right modules")
    print("\n\n".join(wrong[:5]))
    return 1 if missed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
