"""The page itself: one document of HTML that needs nothing else."""

import hashlib
from base64 import b64encode
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symgrad.codegen.template_folder import template_folder
from symgrad.serve.answers import CHOICES
from symgrad.serve.gallery import GALLERY
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


@cache
def page() -> str:
    """The document."""
    return (
        _environment()
        .get_template("serve.html.j2")
        .render(gallery=GALLERY, targets=target_names(), choices=CHOICES, version=__version__)
    )


@cache
def policy() -> str:
    """What the page may do, as a browser is told: run its own script and ask its own server, nothing else."""
    script = page().rpartition("<script>")[2].partition("</script>")[0]
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'sha256-{digest}'",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
