"""The report is readable by everyone: contrasts of all colours, headings, names of regions, nothing out of reach.

The same rules as those of the checker axe (Deque Systems), as far as they can be seen without a browser.
"""

import re
from itertools import pairwise
from typing import Any

import pytest

from symgrad.codegen.template_folder import template_folder
from symgrad.inspect.svg import STYLE

PAGE = (template_folder() / "page.css.j2").read_text(encoding="utf-8")
ENOUGH = 4.5  # Web Content Accessibility Guidelines 2.2, 1.4.3, for text of any size
VISIBLE = 3.0  # the same, 1.4.11, for the lines and shapes of a picture


def variables(css: str, scheme: str) -> dict[str, str]:
    """The colours of a style sheet in a scheme: those of the light one, and what the dark one changes."""
    light, _, rest = css.partition("prefers-color-scheme:dark)")
    dark = rest.partition("}}")[0] if scheme == "dark" else ""
    return dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,8})", light + dark))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) > 4 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.005)  # the grey that just fails


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("behind", ["paper", "card", "lit"])
@pytest.mark.parametrize("text", ["ink", "soft", "accent", "good", "bad", "unclear", "c1", "c3"])
def test_text_stands_out_on_the_page(scheme: str, behind: str, text: str) -> None:
    colours = variables(PAGE, scheme)
    assert contrast(colours[text], colours[behind]) >= ENOUGH


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_stand_out_on_the_page(scheme: str) -> None:
    colours = variables(PAGE, scheme)
    assert all(contrast(colours[f"c{n}"], colours["paper"]) >= VISIBLE for n in range(5))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_of_the_graph_stands_out(scheme: str) -> None:
    colours = variables(STYLE, scheme)
    assert all(contrast(colours[text], colours["paper"]) >= ENOUGH for text in ("fore", "back"))
    for box in ("box", "param", "data", "loss"):
        assert contrast(colours["ink"], colours[box]) >= ENOUGH and contrast(colours["soft"], colours[box]) >= ENOUGH
    assert all(contrast(colours[edge], colours["paper"]) >= VISIBLE for edge in ("param-line", "loss-line"))


def test_the_loss_has_not_the_colour_of_an_error() -> None:
    for scheme in ("light", "dark"):
        assert variables(STYLE, scheme)["loss-line"] != variables(PAGE, scheme)["bad"]
        red, _, blue = (int(variables(STYLE, scheme)["loss-line"][n : n + 2], 16) for n in (1, 3, 5))
        assert blue > red


@pytest.fixture(scope="module", params=["logistic", "classes"])
def text(models: Any, request: pytest.FixtureRequest) -> str:
    return getattr(models, request.param)().report().html


def test_headings_go_down_by_one_level(text: str) -> None:
    levels = [int(level) for level in re.findall("<h([1-6])", text)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))


def test_landmarks_are_there_once_and_sections_have_a_name(text: str) -> None:
    assert [text.count(f"<{landmark}") for landmark in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    body = text.partition("<body>")[2]
    outside = re.sub(r"<(header|nav|main|footer|script).*?</\1>", "", body, flags=re.DOTALL)
    assert (
        re.sub(r"\s+", " ", outside).strip().startswith('<a class="skip" href="#code">Skip to the formulas</a> </body>')
    )
    for section in re.findall("<section[^>]*>", text):
        (label,) = re.findall('aria-labelledby="([^"]*)"', section)
        assert f'id="{label}"' in text
    names = re.findall('role="region"[^>]*aria-label="([^"]*)"', text)
    assert len(set(names)) == len(names)


def test_what_is_labelled_has_a_role_and_what_scrolls_can_be_reached(text: str) -> None:
    for tag, options in re.findall(r"<(\w+)([^>]*aria-label=[^>]*)>", text):
        assert tag in ("nav", "table") or "role=" in options
    assert all('tabindex="0"' in options for options in re.findall("<pre([^>]*)>", text))


def test_a_bar_has_words_beside_its_formula(text: str) -> None:
    bars = re.findall("<summary>(.*?)</summary>", text, flags=re.DOTALL)
    assert len(bars) > 5
    for bar in bars:
        assert re.search("[a-z]{3}", re.sub("<[^>]*>", " ", re.sub("<math.*?</math>", "", bar, flags=re.DOTALL)))


def test_a_bar_has_what_comes_out(text: str) -> None:
    bars = re.findall('<details class="step">\n<summary>(.*?)</summary>', text, flags=re.DOTALL)
    assert all("<mo" in bar and "=</mo>" in bar for bar in bars)


def test_tables_have_headings_and_pictures_a_title(text: str) -> None:
    for table in re.findall("<table.*?</table>", text, flags=re.DOTALL):
        assert 'scope="col"' in table and 'scope="row"' in table
    for picture in re.findall("<svg[^>]*>", text):
        assert 'role="img"' in picture and "aria-labelledby" in picture
