"""`symgrad serve`: the page where formulas are typed."""

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from symgrad.cli.commands import DONE, commands
from symgrad.cli.terminal import say
from symgrad.later import Later

if TYPE_CHECKING:
    from symgrad.serve import server, static, workers
else:
    static = Later("symgrad.serve.static")
    server, workers = Later("symgrad.serve.server"), Later("symgrad.serve.workers")

PORT = 8719


@commands.command("serve", short_help="Open a page where formulas are typed and derived.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    metavar="P",
    help="The port of this machine; 0 takes one that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@click.option(
    "--static",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Serve nothing, but write the page as a folder that any web server can offer; it computes in the browser.",
)
@click.option(
    "--pyodide",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --static: the folder of the npm package pyodide, which is Python for browsers.",
)
@click.pass_context
def serve_command(
    context: click.Context, port: int, no_browser: bool, folder: Path | None, pyodide: Path | None
) -> int:
    """Serve a page on this machine: a formula is typed, and its derivative, steps, graph and code are shown.

    The page is for browsers of this machine only, and needs no network. Ctrl-C ends it. With --static the page is
    written to a folder instead, for any web server.

    \b
    Examples:
      symgrad serve --port 8719
      symgrad serve --static site --pyodide node_modules/pyodide
    """
    if (folder is None) != (pyodide is None):
        raise click.UsageError("--static DIR, where the page is written, and --pyodide DIR go together")
    if folder is None or pyodide is None:
        return _serve(port, no_browser)
    if no_browser or context.get_parameter_source("port") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--static serves nothing, so --port and --no-browser have no meaning with it")
    static.write_static(folder, pyodide)
    say(f"wrote {folder}; `python -m http.server -d {folder}` is a web server to try it with")
    return DONE


def _serve(port: int, no_browser: bool) -> int:
    made = workers.Workers()
    listening = server.PageServer(port, made.answer)
    try:
        made.start()
        say(f"the page is at {listening.address} (Ctrl-C ends it)")
        if not no_browser:
            webbrowser.open(listening.address)
        listening.serve_forever()
    except KeyboardInterrupt:
        say("ended")
    finally:
        listening.server_close()
        made.close()
    return DONE
