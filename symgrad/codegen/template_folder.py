"""Where the templates are, in a wheel and in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def template_folder(package: Path = _PACKAGE) -> Path:
    """Find the folder that holds the templates.

    Parameters
    ----------
    package : the folder of the `symgrad` package.

    Returns
    -------
    Path
        `symgrad/templates` where a wheel has put them; in a checkout (also one installed in editable mode) the
        top-level `templates`.

    Raises
    ------
    RuntimeError
        If neither is there, that is, if the installation is incomplete.
    """
    installed = package / "templates"
    if installed.is_dir():
        return installed
    checkout = package.parent / "templates"
    # Beside an installed package lies site-packages, where a folder of this name would be somebody else's.
    if checkout.is_dir() and (package.parent / "pyproject.toml").is_file():
        return checkout
    raise RuntimeError(
        f"symgrad's templates are missing: neither {installed} (an installed wheel) nor {checkout} (a checkout) is "
        "there; install symgrad again, or take the whole repository"
    )
