"""`symgrad serve`: the page where formulas are typed."""

import webbrowser

import click

from symgrad.cli.commands import DONE, commands
from symgrad.cli.terminal import say
from symgrad.serve.server import PageServer
from symgrad.serve.workers import Workers

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
    workers = Workers()
    server = PageServer(port, workers.answer)
    try:
        workers.start()
        say(f"the page is at {server.address} (Ctrl-C ends it)")
        if not no_browser:
            webbrowser.open(server.address)
        server.serve_forever()
    except KeyboardInterrupt:
        say("ended")
    finally:
        server.server_close()
        workers.close()
    return DONE
