"""What the commands have in common at the terminal: printing, colours, progress, help with mistyped commands."""

import contextlib
import difflib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

import click

from symgrad.later import Later

if TYPE_CHECKING:
    from rich import console as consoles
    from rich import progress as bars
    from rich import text as texts
else:
    consoles, bars, texts = Later("rich.console"), Later("rich.progress"), Later("rich.text")

# Of a report or of formulas: what stands out in a terminal that shows colours.
_STYLES = (
    (r"(?m)^\S.*$", "bold"),
    (r"∂\w+/∂[^\s⊘∘·)=]+", "cyan"),
    (r"\bPASSED\b", "green"),
    (r"\bFAILED\b", "bold red"),
)


class Group(click.Group):
    """A group of commands that suggests the nearest one where there is none of the name given."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(self.list_commands(ctx))}"
            ctx.fail(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


def _may_show_styles(stream: TextIO) -> bool:
    """Whether a stream may be one that shows colours, which Rich decides; no other is worth its import."""
    return stream.isatty() or "FORCE_COLOR" in os.environ or os.environ.get("TTY_COMPATIBLE") == "1"


@contextlib.contextmanager
def progress(phases: int) -> Iterator[Callable[[str], None]]:
    """A bar on the standard error stream, where that is a terminal.

    The function that it gives begins the next phase, and is told what that does.
    """
    if not _may_show_styles(sys.stderr):
        yield lambda doing: None
        return
    console = consoles.Console(stderr=True)
    columns = (
        *(bars.SpinnerColumn(), bars.BarColumn(bar_width=24), bars.TextColumn("{task.description} …")),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=phases)
        begun = 0

        def begin(doing: str) -> None:
            nonlocal begun
            bar.update(task, description=doing, completed=begun)
            begun += 1

        yield begin


def say(text: str) -> None:
    """Print to standard output; a reader that has closed the pipe (`| head`) has read what it wanted."""
    try:
        if _may_show_styles(sys.stdout) and (console := _console()).is_terminal:
            styled = texts.Text(text)
            for pattern, style in _STYLES:
                styled.highlight_regex(pattern, style)
            console.print(styled)
        else:
            click.echo(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more when it exits, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str, hint: str | None = None) -> None:
    """Print `error: message` to standard error, in colour where that is a terminal and NO_COLOR is not set."""
    if not _may_show_styles(sys.stderr):
        click.echo("\n".join([f"error: {message}", *([hint] if hint else [])]), err=True)
        return
    console = _console(stderr=True)
    console.print(texts.Text.assemble(("error", "bold red"), ": ", message))
    if hint:
        console.print(texts.Text(hint, style="dim"))


def _console(stderr: bool = False) -> "consoles.Console":
    return consoles.Console(stderr=stderr, highlight=False, soft_wrap=True)
