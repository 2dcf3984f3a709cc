"""`symgrad serve`: the page where formulas are typed."""

import webbrowser
from typing import TYPE_CHECKING

import click

from symgrad.cli.commands import DONE, commands
from symgrad.cli.terminal import say
from symgrad.later import Later

if TYPE_CHECKING:
    from symgrad.serve import server, workers
else:
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
def serve_command(port: int, no_browser: bool) -> int:
    """Serve a page on this machine: a formula is typed, and its derivative, steps, graph and code are shown.

    The page is for browsers of this machine only, and needs no network. Ctrl-C ends it.

    \b
    Example:
      symgrad serve --port 8719
    """
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
