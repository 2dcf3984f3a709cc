"""The page itself: one document of HTML, and the script of its worker where it has no server."""

import hashlib
from base64 import b64encode
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symgrad.codegen.template_folder import template_folder
from symgrad.serve.answers import CHOICES
from symgrad.serve.gallery import GALLERY, PROBLEMS
from symgrad.serve.home import SERVER, Home
from symgrad.targets import target_names
from symgrad.version import __version__


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(template_folder()),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _rendered(template: str, **given: Any) -> str:
    return _environment().get_template(template).render(given)


@cache
def page(home: Home = SERVER) -> str:
    """The document."""
    return _rendered(
        "serve.html.j2",
        **{"gallery": {name: part for name, part in GALLERY.items() if home.checks or name != PROBLEMS}},
        **{"targets": target_names(), "version": __version__},
        **{"home": home, "script": _script(home), "policy": policy(home)},
    )


@cache
def _script(home: Home) -> str:
    return _rendered("serve.js.j2", choices=CHOICES, home=home)


def worker(home: Home) -> str:
    """The script of the page's worker."""
    return _rendered("serve.worker.js.j2", home=home)


@cache
def policy(home: Home = SERVER) -> str:
    """What the page may do, as a browser is told: run its own script and ask its own home, nothing else."""
    digest = b64encode(hashlib.sha256(_script(home).encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'sha256-{digest}'",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            *home.policy,
        ]
    )
