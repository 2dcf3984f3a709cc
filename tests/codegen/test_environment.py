"""Where the templates are found, and how they are rendered."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from symgrad.codegen.environment import environment
from symgrad.codegen.template_folder import template_folder


def test_a_wheel_has_the_templates_inside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "symgrad"
    (package / "templates").mkdir(parents=True)
    assert template_folder(package) == package / "templates"


def test_a_checkout_has_them_at_the_top(tmp_path: Path) -> None:
    (tmp_path / "symgrad").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert template_folder(tmp_path / "symgrad") == tmp_path / "templates"


def test_somebody_elses_templates_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "symgrad").mkdir()
    (tmp_path / "templates").mkdir()
    with pytest.raises(RuntimeError, match="templates are missing"):
        template_folder(tmp_path / "symgrad")


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'shape' is undefined"):
        environment().from_string("{{ shape }}").render()


def test_block_tags_leave_no_blank_lines_and_the_last_newline_stays() -> None:
    template = environment().from_string("def f():\n    {% for x in 'ab' %}\n    {{ x }} = '<'\n    {% endfor %}\n")
    assert template.render() == "def f():\n    a = '<'\n    b = '<'\n"


def test_every_template_is_found_and_parses() -> None:
    rendered = environment()
    names = [name for name in rendered.list_templates() if name.endswith(".py.j2")]  # pages have their own filters
    assert names
    for name in names:
        rendered.get_template(name)
