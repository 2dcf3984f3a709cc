"""The commands, and their exit codes: 0 done, 1 the gradient check did not pass, 2 the model or the call is wrong."""

import contextlib
import io
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from symgrad.cli.data_file import load_arrays
from symgrad.cli.model_file import ModelReference, complete_file, load_stated
from symgrad.cli.output_file import default_output, output_paths, page_path
from symgrad.cli.problems import only_options_of_problems, problem_check, problem_formulas, problem_texts
from symgrad.cli.terminal import Group, complain, progress, say
from symgrad.errors import GradientCheckError, SymgradError
from symgrad.files import write_all
from symgrad.formula.listing import fitted
from symgrad.inspect.show import FORMATS
from symgrad.model import Model
from symgrad.targets import NUMPY, target_names
from symgrad.version import __version__

DONE, CHECK_FAILED, WRONG = 0, 1, 2
INTERRUPTED = 130  # what shells report for a program that was stopped with Ctrl-C

_EXAMPLES = """\b
Examples:
  symgrad new logistic
  symgrad show logistic.py --steps
  symgrad report logistic.py -o report.html
  symgrad check logistic.py --seed 7
  symgrad compile logistic.py -o logistic_gradient.py --with-test

\b
Exit codes:
  0    done
  1    the gradient check failed or was inconclusive; no file is written
  2    the model or the call is wrong
  130  interrupted, or told to end; no file is written
"""


_model_argument = click.argument(
    "reference", metavar="MODEL.py[:name]", type=ModelReference.parse, shell_complete=complete_file
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="S",
    help="Seed of the inputs that the check draws.",
)


target_option = click.option(
    "--target",
    type=click.Choice(target_names()),
    default=NUMPY,
    show_default=True,
    help="What the module is written in.",
)


def _second_order(hessian: bool, sparse: bool, **others: Any) -> dict[str, Any]:
    """The options as a model takes them."""
    if hessian and sparse:
        raise click.UsageError("--hessian and --sparse-hessian are two ways to have the same: choose one")
    return {"hessian": "sparse" if sparse else hessian, **others}


def _second_order_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options that ask for derivatives beyond the gradient."""
    options = (
        click.option("--hessian", is_flag=True, help="With the Hessian."),
        click.option("--sparse-hessian", is_flag=True, help="With the Hessian as a sparse matrix."),
        click.option("--hvp", is_flag=True, help="With Hessian-vector products."),
        click.option(
            "--jacobian", multiple=True, metavar="NAME", help="With the Jacobian of a name of `where`; may be repeated."
        ),
        click.option(
            "--quantity",
            "quantities",
            multiple=True,
            metavar="NAME",
            help="With a function of a name of `where`; may be repeated.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(
    cls=Group,
    epilog=_EXAMPLES,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="symgrad %(version)s")
@click.pass_context
def commands(context: click.Context) -> int:
    """Compile a model written in SymPy to a NumPy module with its analytic gradient, checked numerically.

    MODEL.py is a Python file that defines `model = Model(loss, parameters, ...)`, or `problem = Problem(objective,
    variables, ...)`; MODEL.py:name takes the model or problem of another name from it.
    """
    if context.invoked_subcommand is not None:
        return DONE
    click.echo(context.get_help(), err=True)
    return WRONG


@commands.command("compile", short_help="Write the module, once its gradient is checked.")
@_model_argument
@click.option(
    "-o",
    "--output",
    metavar="OUT.py",
    type=click.Path(path_type=Path),
    help="The module to write; by default MODEL_gradient.py in the current folder (MODEL_name_gradient.py for a model "
    "of another name).",
)
@click.option("--with-test", is_flag=True, help="Write test_OUT.py beside it: a pytest file that checks the module.")
@click.option("--no-check", is_flag=True, help="Write without checking the gradient.")
@click.option("--workspace", is_flag=True, help="Functions that can keep their intermediate arrays between calls.")
@click.option("--chunks", is_flag=True, help="Functions for rows of data that come in chunks.")
@target_option
@seed_option
@_second_order_options
def compile_command(
    reference: ModelReference,
    output: Path | None,
    with_test: bool,
    no_check: bool,
    workspace: bool,
    chunks: bool,
    target: str,
    seed: int,
    hessian: bool,
    sparse_hessian: bool,
    hvp: bool,
    jacobian: tuple[str, ...],
    quantities: tuple[str, ...],
) -> int:
    """Write the module with value and gradient of a model, for NumPy or for another target.

    The gradient is checked against numerical ones first; where they disagree, nothing is written and the exit code is
    1. All files are written or none, and an existing file is replaced in one step.

    \b
    Examples:
      symgrad compile model.py
      symgrad compile model.py:likelihood -o likelihood.py --with-test
      symgrad compile model.py --hessian --hvp --jacobian r
    """
    if with_test and target != NUMPY:
        raise click.UsageError(f"--with-test writes the test of a NumPy module; there is none for --target {target}")
    paths = output_paths(output or default_output(reference), reference.path, with_test)
    model = load_stated(reference)
    outcome = "gradient not checked"
    second: dict[str, Any] = {}
    with progress(1 + with_test + (not no_check)) as doing:
        doing("deriving the gradient and printing the module")
        if isinstance(model, Model):
            second = _second_order(hessian, sparse_hessian, hvp=hvp, jacobian=jacobian, quantities=quantities)
            second |= {"workspace": workspace, "chunks": chunks}
            texts = [model.source(**second, target=target)]
        else:
            texts = problem_texts(model, paths, target)
        if with_test:
            doing("drawing inputs for the test")
            texts.append(model.test_source(paths[0].stem, seed, hessian=hessian, hvp=hvp))
        if not no_check:
            doing("checking the gradient")
            report = model.check(seed=seed, **second, target=target)
    if not no_check:
        if not report.ok:
            say(str(report))
            complain(f"the gradient check did not succeed; {paths[0]} is not written")
            return CHECK_FAILED
        outcome = verdict(report)
    write_all(dict(zip(paths, texts, strict=True)))
    say("wrote " + " and ".join(str(path) for path in paths))
    say(outcome)
    return DONE


@commands.command("show", short_help="Print the model and its gradient as formulas, or draw its graph.")
@_model_argument
@click.option(
    "--format", "notation", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="What to write."
)
@click.option("--steps", is_flag=True, help="The derivation step by step, too: rewrites, chain rule, operation counts.")
@click.option("--standalone", is_flag=True, help="A document of its own (latex, html) rather than a fragment.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--hessian", is_flag=True, help="With the Hessian.")
@click.option(
    "--jacobian", multiple=True, metavar="NAME", help="With the Jacobian of a name of `where`; may be repeated."
)
def show_command(
    reference: ModelReference,
    notation: str,
    steps: bool,
    standalone: bool,
    output: Path | None,
    hessian: bool,
    jacobian: tuple[str, ...],
) -> int:
    """Print the model, its named quantities and its gradient: as text, LaTeX, SymPy objects, HTML, or its graph as SVG.

    \b
    Examples:
      symgrad show model.py
      symgrad show model.py --steps
      symgrad show model.py --format latex --standalone -o model.tex
      symgrad show model.py --format svg -o graph.svg
      symgrad show model.py --format sympy -o formulas.py
    """
    if output is not None:
        page_path(output, reference.path)
    model = load_stated(reference)
    with progress(1) as doing:
        doing("deriving the gradient")
        if isinstance(model, Model):
            shown: str = model.show(notation, steps=steps, standalone=standalone, hessian=hessian, jacobian=jacobian)
        else:
            shown = problem_formulas(model, notation)
    deliver(fitted(shown) if notation == "text" else shown, output)
    return DONE


@commands.command("report", short_help="Write a web page: formulas, graph, derivation, code, check.")
@_model_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE.html",
    type=click.Path(path_type=Path),
    help="The page to write; by default MODEL_report.html in the current folder.",
)
@seed_option
def report_command(reference: ModelReference, output: Path | None, seed: int) -> int:
    """Write everything about a model as one web page that needs nothing else.

    The model and its graph, the formulas beside the code that computes them, the derivation step by step, the gradient
    check with plots, operations, memory and timings; of a problem its formulas, the sparsity of its matrices, and the
    check. The exit code is 1 where the gradient check did not pass.

    \b
    Example:
      symgrad report model.py -o report.html
    """
    path = page_path(output or default_output(reference, "report", ".html"), reference.path)
    model = load_stated(reference)
    if not isinstance(model, Model):
        only_options_of_problems("output", "seed")
    with progress(3) as doing:
        report = model.report(seed, progress=doing)
    write_all({path: report.html})
    say(f"wrote {path}")
    say(verdict(report.check))
    return DONE if report.check.ok else CHECK_FAILED


@commands.command("check", short_help="Check the gradient numerically and print the report.")
@_model_argument
@seed_option
@_second_order_options
@click.option(
    "--inputs",
    metavar="DATA",
    type=click.Path(path_type=Path),
    help="Check on these arrays: a file .npz, a folder of .npy files, or a .csv file with a column for each name.",
)
@click.option("--accuracy", is_flag=True, help="Also audit the digits on a logarithmic grid of each input.")
@target_option
def check_command(
    reference: ModelReference,
    seed: int,
    hessian: bool,
    sparse_hessian: bool,
    hvp: bool,
    jacobian: tuple[str, ...],
    quantities: tuple[str, ...],
    inputs: Path | None,
    accuracy: bool,
    target: str,
) -> int:
    """Check the gradient of a model against numerical ones, and every stage of the compiler against the one before.

    The exit code is 0 for a pass only; it is 1 where the check failed, and where it was inconclusive.

    \b
    Example:
      symgrad check model.py --seed 7
      symgrad check model.py --hessian --hvp --jacobian r
      symgrad check model.py --inputs data.npz
      symgrad check model.py --accuracy
    """
    model = load_stated(reference)
    stated = model if isinstance(model, Model) else model.model
    given = None if inputs is None else load_arrays(inputs, [argument.name for argument in stated.arguments])
    with progress(1) as doing:
        doing("checking the gradient")
        if isinstance(model, Model):
            second = _second_order(hessian, sparse_hessian, hvp=hvp, jacobian=jacobian, quantities=quantities)
            report = model.check(seed=seed, inputs=given, **second, accuracy=accuracy, target=target)
        else:
            report = problem_check(model, seed, given, target)
    say(str(report))
    return DONE if report.ok else CHECK_FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; whatever is wrong becomes a message on the standard error stream.

    Parameters
    ----------
    arguments : the words after the program's name; by default those the process was started with.
    """
    for stream in (sys.stdout, sys.stderr):
        # Formulas hold letters that a terminal's encoding may lack; better an escape than no output at all.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _termination_as_interrupt():
            code = commands.main(
                args=None if arguments is None else list(arguments), prog_name="symgrad", standalone_mode=False
            )
        return DONE if code is None else int(code)
    except click.Abort:
        complain("interrupted")
        return INTERRUPTED
    except click.UsageError as error:
        complain(error.format_message(), hint=_help_hint(error))
    except click.ClickException as error:
        complain(error.format_message())
    except GradientCheckError as error:
        if error.report is not None:
            say(str(error.report))
        complain(str(error))
        return CHECK_FAILED
    except SymgradError as error:
        complain("\n".join([str(error), *getattr(error, "__notes__", [])]))
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    except Exception as error:
        # A fault of ours is no reason to frighten a user with a traceback; the place is what helps to mend it.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        complain(
            f"symgrad cannot handle this model, and should have said why: {type(error).__name__}: {error}",
            hint=f"  (from {frame.filename}, line {frame.lineno}; please report it together with the model)",
        )
    return WRONG


@contextlib.contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """While this lasts, being told to end (SIGTERM) is an interrupt, so that files are cleaned up just the same."""
    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _help_hint(error: click.UsageError) -> str | None:
    return f"  (see {error.ctx.command_path} --help)" if error.ctx is not None else None


def deliver(text: str, output: Path | None) -> None:
    """Write to a file, or print."""
    if output is None:
        say(text.rstrip("\n"))
    else:
        write_all({output: text if text.endswith("\n") else f"{text}\n"})
        say(f"wrote {output}")


def verdict(report: object) -> str:
    """The last paragraph of a report, which is the outcome without the tables."""
    return str(report).strip().rpartition("\n\n")[2]
