"""Commands to start with: `symgrad new`, `symgrad examples` and `symgrad completion`."""

import ast
import os
import shlex
import subprocess
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from symgrad.cli.commands import DONE, commands
from symgrad.cli.output_file import page_path
from symgrad.cli.terminal import say
from symgrad.codegen.template_folder import template_folder
from symgrad.files import write_all

SHELLS = ("bash", "zsh", "fish")
NEXT = ("show", "check", "compile")  # what can be done with a model file


def starts() -> dict[str, Path]:
    """The model files to start from, by name."""
    return {path.stem: path for path in sorted((template_folder() / "models").glob("*.py"))}


@commands.command("new", short_help="Write a commented model file to start from.")
@click.argument("name", type=click.Choice(list(starts())), metavar="NAME")
@click.option("-o", "--output", metavar="FILE.py", type=click.Path(path_type=Path), help="By default NAME.py.")
def new_command(name: str, output: Path | None) -> int:
    """Write a commented model file that compiles as it is, to be changed into one of your own.

    NAME is one of those that `symgrad examples` lists. A file that exists is not replaced.

    \b
    Examples:
      symgrad new logistic
      symgrad new mlp -o network.py
    """
    source = starts()[name]
    path = page_path(output or Path(f"{name}.py"), source)
    if path.exists():
        raise click.UsageError(f"{path} exists; name another file with -o")
    write_all({path: source.read_text(encoding="utf-8")})
    say("\n".join([f"wrote {path}", "next:", *(f"  symgrad {verb} {_quoted(path)}" for verb in NEXT)]))
    return DONE


@commands.command("examples", short_help="List the models to start from, and the examples.")
def examples_command() -> int:
    """List the models that `symgrad new` writes, and the examples with the folder that they are in.

    \b
    Example:
      symgrad examples
    """
    groups = {"symgrad new NAME writes": starts()}
    folder = template_folder().parent / "examples"  # beside the templates in a checkout as in a wheel
    shown = Path(os.path.relpath(folder)) if folder.is_relative_to(Path.cwd()) else folder
    if folder.is_dir():
        groups[f"in {shown}"] = {path.name: path for path in sorted(folder.glob("*.py"))}
    lines: list[str] = []
    for title, files in groups.items():
        width = max(map(len, files), default=0)
        lines += ["", title] if lines else [title]
        lines += [f"  {name:<{width}}  {_summary(path)}" for name, path in files.items()]
    if folder.is_dir():
        lines += ["", "for example", f"  symgrad show {_quoted(shown / 'logistic.py')}"]
    say("\n".join(lines))
    return DONE


@commands.command("completion", short_help="Print the shell's part of tab completion.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> int:
    """Print the script that completes symgrad's commands, options and files at the tab key.

    \b
    In the shell's start-up file:
      eval "$(symgrad completion bash)"      # ~/.bashrc
      eval "$(symgrad completion zsh)"       # ~/.zshrc, after compinit
      symgrad completion fish | source       # ~/.config/fish/config.fish
    """
    made = get_completion_class(shell)
    assert made is not None, shell
    click.echo(made(commands, {}, "symgrad", "_SYMGRAD_COMPLETE").source())
    return DONE


def _quoted(path: Path) -> str:
    """A path as it is written in a command, for a shell to take."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def _summary(path: Path) -> str:
    """The first line of a file's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
