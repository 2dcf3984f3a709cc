"""What the commands do where a file defines a `Problem` instead of a `Model`."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from symgrad.errors import ModelError


def only_options_of_problems(*names: str) -> None:
    """An error about an option of the command that is for models alone.

    A problem's module has Jacobian and Hessian always, and nothing that is left to choose but the target.

    Raises
    ------
    click.UsageError : an option is given that is none of the names.
    """
    context = click.get_current_context()
    for one in context.command.params:
        given = context.get_parameter_source(str(one.name)) is ParameterSource.COMMANDLINE
        if isinstance(one, click.Option) and given and one.name not in names:
            raise click.UsageError(
                f"{one.opts[-1]} is for models; the file defines a problem, whose module always has objective, "
                "gradient, constraints, their Jacobian and the Hessian of the Lagrangian"
            )


def problem_formulas(problem: Any, notation: str) -> str:
    """A problem and the conditions of its minima, as `show` prints them.

    Raises
    ------
    click.UsageError : an option is for models, or problems are not shown that way.
    """
    only_options_of_problems("notation", "output")
    try:
        return str(problem.show(notation))
    except ModelError as error:
        raise click.UsageError(f"--format {notation}: {error}") from None


def problem_texts(problem: Any, paths: list[Path], target: str) -> list[str]:
    """What `compile` writes."""
    only_options_of_problems("output", "no_check", "target", "seed")
    return [problem.source(target=target) for _ in paths]


def problem_check(problem: Any, seed: int, given: Any, target: str) -> Any:
    """What `check` reports."""
    only_options_of_problems("seed", "inputs", "target")
    return problem.check(seed=seed, inputs=given, target=target)
