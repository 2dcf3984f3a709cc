"""The page in a real browser, where there is one: typed in, looked at, reached by the keyboard."""

import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from symgrad.serve.document import page
from symgrad.serve.server import PageServer
from symgrad.serve.workers import Workers
from tests.families import one_in
from tests.serve.browser import BROWSER, Browser
from tests.serve.test_answers import EXAMPLES, GRADIENTS

needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

GRADIENT = "document.querySelector('#gradient').textContent"
STATUS = "document.querySelector('#status').textContent"
VERDICT = "document.querySelector('#verdict').textContent"
CODE = "document.querySelector('#panel-code code').textContent.includes('def value_and_gradient')"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    workers = Workers()
    server = PageServer(0, workers.answer)
    workers.start()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.address
    server.shutdown()
    server.server_close()
    thread.join()
    workers.close()


@pytest.fixture(scope="module")
def browser(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def opened(browser: Browser, address: str) -> Browser:
    browser.open("about:blank")  # an address with another fragment is the same page
    browser.events.clear()
    browser.open(address)
    browser.wait(STATUS, GRADIENTS["Ridge regression"])
    return browser


def retype(browser: Browser, text: str) -> None:
    browser.evaluate("(function () { const f = document.getElementById('formula'); f.focus(); f.select(); })()")
    browser.type(text)


@needs_browser
def test_what_is_typed_is_derived_and_checked(opened: Browser) -> None:
    retype(opened, "sum(exp(X*w))")
    opened.wait(STATUS, "∂C/∂w = Xᵀexp(X w)")
    opened.wait(VERDICT, "gradient checked")
    opened.wait(CODE)
    assert opened.evaluate("document.querySelectorAll('#gradient math').length") >= 1
    assert opened.evaluate("location.hash").startswith("#f=sum%28exp%28X*w%29%29&by=w")
    assert not opened.complaints()


@needs_browser
def test_an_error_is_underlined_and_what_was_shown_stays(opened: Browser) -> None:
    retype(opened, "norm2(X*w - y)^2 + (w")
    opened.wait("document.querySelector('#error').textContent", "this ( is not closed")
    assert opened.evaluate("document.querySelector('.mirror mark').textContent") == "("
    assert opened.evaluate("document.querySelector('#formula').getAttribute('aria-invalid')") == "true"
    assert opened.evaluate("document.querySelector('#result .card').classList.contains('stale')")
    retype(opened, "norm2(X*w)^2")
    opened.wait("document.querySelector('#error').textContent", "")
    opened.wait("document.querySelector('#result .card').classList.contains('stale')", False)
    assert opened.evaluate("document.querySelector('.mirror mark')") is None


@needs_browser
def test_an_ambiguity_is_answered_by_a_button(opened: Browser) -> None:
    retype(opened, "A*x + b")
    opened.wait("document.querySelectorAll('#error button').length", 2)
    opened.evaluate("document.querySelectorAll('#error button')[1].click()")
    opened.wait(STATUS, "∂f/∂x = A")
    assert opened.evaluate("document.getElementById('shape-b').value") == "vector"


@needs_browser
def test_a_shape_and_what_to_differentiate_by_are_chosen(opened: Browser) -> None:
    retype(opened, "x'*A*x")
    opened.wait(STATUS, "∂C/∂x = (A + Aᵀ)x")
    opened.evaluate(
        "(function () { const s = document.getElementById('shape-A'); s.value = 'symmetric matrix';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    opened.wait(STATUS, "∂C/∂x = 2A x")
    opened.evaluate("document.getElementById('by-A').click()")
    opened.wait(STATUS, "∂C/∂x = 2A x\n∂C/∂A = x xᵀ")
    for name in ("x", "A"):
        opened.evaluate(f"document.getElementById('by-{name}').click()")
    opened.wait("document.querySelector('#problem').textContent", "choose at least one symbol to differentiate by")


@needs_browser
def test_an_address_is_a_formula(opened: Browser, address: str) -> None:
    opened.open(f"{address}#f=x'*A*x&by=A&shape=A%3Asymmetric+matrix")
    opened.wait(STATUS, "∂C/∂A = x xᵀ")
    assert opened.evaluate("document.getElementById('shape-A').value") == "symmetric matrix"


@needs_browser
def test_tabs_by_keyboard(opened: Browser) -> None:
    opened.evaluate("document.getElementById('tab-code').focus()")
    for name, code, tab, wanted in [
        ("ArrowRight", 39, "steps", "document.querySelectorAll('#panel-steps math').length > 0"),
        ("ArrowRight", 39, "graph", "!!document.querySelector('#panel-graph svg')"),
        ("ArrowRight", 39, "hessian", "document.querySelectorAll('#panel-hessian math').length > 0"),
        ("End", 35, "check", "document.querySelector('#panel-check code').textContent.includes('PASSED')"),
        ("Home", 36, "code", CODE),
    ]:
        opened.press(name, code)
        assert opened.evaluate("document.activeElement.id") == f"tab-{tab}"
        opened.wait(wanted)
        assert opened.evaluate("document.querySelectorAll('[role=tabpanel]:not([hidden])').length") == 1
    assert not opened.complaints()


@needs_browser
def test_code_for_another_target_and_copying(opened: Browser) -> None:
    opened.wait(CODE)
    opened.evaluate(
        "(function () { const s = document.getElementById('target'); s.value = 'jax';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    opened.wait("document.querySelector('#panel-code code').textContent.includes('import jax')")
    opened.evaluate("window.copied = ''; navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    for part, wanted in [("text", GRADIENTS["Ridge regression"]), ("latex", r"\frac{\partial C}{\partial w} = ")]:
        opened.evaluate(f"document.querySelector('[data-copy=\"derivative.{part}\"]').click()")
        assert opened.evaluate("window.copied").startswith(wanted)
    opened.evaluate("document.querySelector('[data-copy=\"code.source\"]').click()")
    assert "def value_and_gradient" in opened.evaluate("window.copied")


@needs_browser
@pytest.mark.long
def test_every_example_of_the_gallery(opened: Browser) -> None:
    for place, title in enumerate(EXAMPLES):
        opened.evaluate(f"document.querySelectorAll('.examples button')[{place}].click()")
        opened.wait(STATUS, GRADIENTS[title])
    assert not opened.complaints()


@needs_browser
@pytest.mark.parametrize(("width", "dark"), one_in(4, [(390, True), (390, False), (1400, False), (1400, True)]))
def test_it_fits_phones_and_desks(address: str, tmp_path: Path, width: int, dark: bool) -> None:
    seen = Browser(tmp_path / "profile", width, dark=dark)
    try:
        seen.open(address)
        seen.wait(VERDICT, "gradient checked")
        assert seen.evaluate("document.documentElement.scrollWidth") == width
        below = "(a, b) => a.getBoundingClientRect().bottom <= b.getBoundingClientRect().top"
        stacked = f"({below})(document.querySelector('.written'), document.querySelector('#result'))"
        assert seen.evaluate(stacked) == (width == 390)
        paper = seen.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(11, 17, 32)" if dark else "rgb(255, 255, 255)")
        assert not seen.complaints()
    finally:
        seen.close()


# --- what can be seen without a browser; the rules are those of the checker axe (Deque Systems) -----------------------


def test_headings_go_down_by_one_level() -> None:
    levels = [int(level) for level in re.findall("<h([1-6])", page())]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_everything_that_is_referred_to_is_there_once() -> None:
    text = page().partition("<body>")[2].partition("<script>")[0]
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(set(ids)) == len(ids)
    references = re.findall(r'\b(?:aria-labelledby|aria-controls|aria-describedby|for)="([^"]*)"', text)
    assert {name for found in references for name in found.split()} <= set(ids)
    assert set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)


def test_what_is_operated_has_a_name() -> None:
    text = page().partition("<body>")[2].partition("<script>")[0]
    labelled = set(re.findall(r'<label for="([^"]*)"', text))
    for tag, options in re.findall(r"<(select|textarea|input)\b([^>]*)>", text):
        found = re.search(r'\bid="([^"]*)"', options)
        assert found and found.group(1) in labelled, tag
    assert all(re.search(r"\w", button) for button in re.findall(r"<button[^>]*>(.*?)</button>", text, flags=re.DOTALL))
    for options in re.findall('<[a-z]+([^>]*role="region"[^>]*)>', text):
        assert "aria-label" in options
