"""`symgrad derive`: a formula as text, its derivative as formulas or as a module."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from symgrad.cli.commands import CHECK_FAILED, DONE, commands, deliver, seed_option, target_option, verdict
from symgrad.cli.terminal import complain, progress, say
from symgrad.formula.listing import fitted
from symgrad.model import Model
from symgrad.targets import NUMPY

FORMATS = {"text": "text", "latex": "latex", "mathml": "html", "sympy": "sympy"}
SHAPES = ("scalar", "vector", "row", "matrix", "symmetric", "definite")


def _shape_options(command: Callable[..., int]) -> Callable[..., int]:
    """An option for each shape that a symbol may be said to have."""
    for shape in reversed(SHAPES):
        what = f"{shape} matrix" if shape in ("symmetric", "definite") else shape
        command = click.option(f"--{shape}", multiple=True, metavar="NAME", help=f"NAME is a {what}; may be repeated.")(
            command
        )
    return command


class _Derive(click.Command):
    """A command whose formula may begin with a minus sign, as -sum(log(x)) does; an option is a word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = re.compile(r"-|-o.*|--?[A-Za-z][\w-]*(=.*)?|--", re.DOTALL)
        formulas = [f" {one}" if one.startswith("-") and not options.fullmatch(one) else one for one in args]
        return super().parse_args(ctx, formulas)


@commands.command("derive", cls=_Derive, short_help="Differentiate a formula given as text.")
@click.argument("formula")
@click.argument("by", metavar="NAME...", nargs=-1)
@click.option("--hessian", is_flag=True, help="With the Hessian.")
@click.option("--code", is_flag=True, help="Print the module instead of the formulas.")
@click.option("--check", is_flag=True, help="Check the gradient numerically, too.")
@click.option(
    "--format", "notation", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What to write."
)
@_shape_options
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to this file.")
@target_option
@seed_option
def derive_command(
    formula: str,
    by: tuple[str, ...],
    hessian: bool,
    code: bool,
    check: bool,
    notation: str,
    output: Path | None,
    target: str,
    seed: int,
    **shapes: tuple[str, ...],
) -> int:
    """Differentiate a formula by the symbols NAME, and print the derivative with the shapes that were found.

    The notation is that of MATLAB: ' transposes, .* and ./ go entry by entry, sum[i] x[i]^2 is a sum over an index.
    Lines, or statements before `;`, may name parts of it or say shapes. What has commands such as \\frac is LaTeX. A
    lone - reads it from the standard input. By default a to g are scalars, h to z vectors, capitals matrices. Of a
    vector or a matrix there is the Jacobian. Where the formula has one symbol, NAME may be left out. With `subject to`
    it is a problem, and has a Lagrangian and the conditions that its minima fulfil.

    \b
    Examples:
      symgrad derive "norm2(X*w - y)^2" w
      symgrad derive "r = X*w - y; r'*r + lambda*norm1(w)" w --check
      symgrad derive "x'*S*x + c*sum(log(x))" x --symmetric S --hessian
      symgrad derive "sum[i,j] A[i,j]*x[i]*x[j]" x --code > quadratic.py
      symgrad derive "minimise norm2(x - p)^2 subject to sum(x) = 1, x >= 0" x
    """
    if target != NUMPY and not (code or check):
        raise click.UsageError(f"--target {target} is what a module is written in; it goes with --code")
    if code and notation != "text":
        raise click.UsageError("--code prints a module, and --format is of formulas")
    # the parser's library takes time to import, and the other commands need none
    from symgrad.text.formula import notation_of, parse

    text = sys.stdin.read() if formula == "-" else formula
    chosen: dict[str, str] = {}
    for shape, name in ((shape, name) for shape, names in shapes.items() for name in names):
        if chosen.setdefault(name, shape) != shape:
            raise click.UsageError(f"{name} is given two shapes, {chosen[name]} and {shape}")
    with progress(1 + check) as doing:
        doing("deriving")
        read = parse(text, chosen, notation=notation_of(text))
        stated, asked, computed = _stated(read, by or _only_symbol(read), hessian, notation)
        written = stated.source(**computed, target=target) if code else _formulas(read, stated, notation, asked)
        if check:
            doing("checking the gradient")
            report = stated.check(**computed, seed=seed, target=target)
    if check and not report.ok:
        say(str(report))
        complain("the gradient check did not succeed")
        return CHECK_FAILED
    deliver(written, output)
    if check:
        click.echo(verdict(report), err=code and output is None)  # a module that goes into a file stays one
    return DONE


def _only_symbol(read: Any) -> tuple[str, ...]:
    """What there is to differentiate by where nothing is said, if it is one symbol."""
    symbols = read.reading.symbols
    if len(symbols) == 1:
        return (symbols[0].name,)
    raise click.UsageError(
        "say by what to differentiate, after the formula: one or more of " + ", ".join(one.text for one in symbols)
        if symbols
        else "the formula has no symbol to differentiate by"
    )


def _stated(read: Any, by: tuple[str, ...], hessian: bool, notation: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """The model or the problem, and what it is asked to show and to compute."""
    if read.program.constraints:
        if hessian:
            raise click.UsageError("--hessian is of formulas without `subject to`; the module of a problem has it")
        if notation not in ("text", "latex"):
            raise click.UsageError(f"--format {notation} is of formulas without `subject to`; write text or latex")
        # needs NumPy, which formulas do not
        from symgrad.problem import Problem

        return Problem.from_text(read, by), {}, {}
    if hessian and read.quantity:
        raise click.UsageError("--hessian is of scalars, and the result is none; there is its Jacobian")
    asked = {"hessian": hessian, "jacobian": [read.quantity] if read.quantity else []}
    return Model.from_text(read, by), asked, {**asked, "quantities": asked["jacobian"]}


def _formulas(read: Any, model: Any, notation: str, asked: dict[str, Any]) -> str:
    """The formulas in one of the FORMATS; as text with the shapes before them."""
    shown: str = model.show(FORMATS[notation], **asked)
    if notation != "text":
        return shown
    lines = [f"    {symbol.text}" for symbol in read.reading.symbols]
    return "\n".join(["Shapes", *lines, "", fitted(shown)])
