"""The page as a folder: whole or not at all, and in a real browser, with Python in it."""

import functools
import http.server
import shutil
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from symgrad.cli import main
from symgrad.errors import SymgradError, UnsupportedError
from symgrad.serve import home
from symgrad.serve.bundle import LIBRARIES, bundle
from symgrad.serve.document import page, policy
from symgrad.serve.home import in_browser
from symgrad.serve.static import write_static
from tests.serve.browser import BROWSER, Browser
from tests.serve.test_answers import EXAMPLES, GRADIENTS, PROBLEMS
from tests.serve.test_page import CODE, STATUS, VERDICT, retype

FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json", "package.json")
WHEEL = "numpy-2.4.6-cp314-cp314-pyemscripten_2026_0_wasm32.whl"


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    """A folder that looks as that of Pyodide does."""
    made = tmp_path / "pyodide"
    made.mkdir()
    for name in FILES:
        made.joinpath(name).write_text(name)
    made.joinpath("pyodide-lock.json").write_text('{"info": {"python": "3.14.2"}}')
    return made


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_folder_has_the_page_and_what_it_needs(tmp_path: Path, pyodide: Path) -> None:
    site = tmp_path / "site"
    assert main(["serve", "--static", str(site), "--pyodide", str(pyodide)]) == 0
    assert set(written(site)) == {*FILES, "index.html", "worker.js", "symgrad.zip"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pyodide", "site"]
    text = (site / "index.html").read_text()
    assert text == page(in_browser(None)) and "in this browser" in text and "checked numerically" not in text
    assert f'content="{policy(in_browser(None))}"'.replace("'", "&#39;") in text and "http://" not in text


def test_writing_again_replaces_and_says_the_same(tmp_path: Path, pyodide: Path) -> None:
    site = tmp_path / "site"
    write_static(site, pyodide)
    before = written(site)
    (site / "pyodide.mjs").write_text("of an older version")
    (site / "pyodide.asm.js").write_text("of an older version, too")
    write_static(site, pyodide)
    assert written(site) == before


def test_with_numpy_there_is_the_check(tmp_path: Path, pyodide: Path) -> None:
    (pyodide / WHEEL).write_text("a wheel")
    write_static(tmp_path / "site", pyodide)
    assert written(tmp_path / "site")[WHEEL] == b"a wheel"
    assert "checked numerically" in (tmp_path / "site/index.html").read_text()
    assert f'"{WHEEL}"' in (tmp_path / "site/worker.js").read_text()


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        ('{"info": {"python": "3.10.2"}}', r"is Python 3.10.2, and symgrad needs 3.11 or later; take a newer Pyodide"),
        ('{"info": {}}', "does not say which Python"),
        ("not JSON", "does not say which Python"),
    ],
)
def test_a_pyodide_that_does_not_fit(tmp_path: Path, pyodide: Path, lock: str, message: str) -> None:
    (pyodide / "pyodide-lock.json").write_text(lock)
    with pytest.raises(SymgradError, match=message):
        write_static(tmp_path / "site", pyodide)
    assert not (tmp_path / "site").exists()


def test_what_is_missing_is_named(tmp_path: Path, pyodide: Path) -> None:
    (pyodide / "pyodide.asm.wasm").unlink()
    with pytest.raises(SymgradError, match=r"is not the folder of Pyodide: pyodide\.asm\.wasm is missing"):
        write_static(tmp_path / "site", pyodide)
    with pytest.raises(SymgradError, match="there is no such folder"):
        write_static(tmp_path / "site", tmp_path / "nothing")
    shutil.copytree(pyodide, tmp_path / "node_modules/pyodide")
    with pytest.raises(SymgradError, match=r"the folder of Pyodide itself is .*node_modules/pyodide; name that"):
        write_static(tmp_path / "site", tmp_path)
    assert not (tmp_path / "site").exists()


def test_files_of_somebody_else_stay(tmp_path: Path, pyodide: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "thesis.txt").write_text("years of work")
    with pytest.raises(SymgradError, match=r"has files that are not of the page, such as thesis\.txt"):
        write_static(site, pyodide)
    with pytest.raises(SymgradError, match="is a file; name a folder"):
        write_static(site / "thesis.txt", pyodide)
    assert written(site) == {"thesis.txt": b"years of work"}


def test_a_disk_that_is_full_changes_nothing(tmp_path: Path, pyodide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    write_static(site, pyodide)
    before, count = written(site), 0

    def sync(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", sync)
    with pytest.raises(OSError, match="No space left"):
        write_static(site, pyodide)
    assert written(site) == before and sorted(path.name for path in tmp_path.iterdir()) == ["pyodide", "site"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--static", "site"], "go together"),
        (["--pyodide", "pyodide"], "go together"),
        (["--static", "site", "--pyodide", "pyodide", "--port", "8000"], "serves nothing"),
        (["--static", "site", "--pyodide", "pyodide", "--no-browser"], "serves nothing"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_bundle_has_packages_and_licences_but_no_tests() -> None:
    names = zipfile.ZipFile(BytesIO(bundle())).namelist()
    assert {name.partition("/")[0] for name in names} == {"symgrad", "licences", *LIBRARIES}
    assert {"symgrad/text/formula.lark", "symgrad/templates/module.py.j2", "sympy/core/add.py"} <= set(names)
    assert {name.split("/")[1] for name in names if name.startswith("licences/")} == set(LIBRARIES)
    assert not [name for name in names if "/tests/" in name or name.endswith((".so", ".pyc"))]


def test_where_there_are_no_threads_depth_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from symgrad import deep

    monkeypatch.setattr(deep, "_HAS_THREADS", False)
    assert deep.with_room(400, lambda: 3) == 3

    def endless() -> int:
        return 1 + endless()

    with pytest.raises(UnsupportedError, match="nested 400 operations deep"):
        deep.with_room(400, endless)


# --- in a browser -----------------------------------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, and which were asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal stays quiet."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the npm package, in its newest version."""
    if BROWSER is None:
        pytest.skip("needs Chromium")
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("npm")
    if npm is None:
        pytest.skip("needs npm")
    done = subprocess.run(
        [npm, "pack", "--json", "pyodide"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        pytest.skip(f"npm has no package pyodide for us: {done.stderr.strip().splitlines()[-1:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


@pytest.fixture(scope="module")
def host(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The address of the page on a static host, and the paths that it was asked for."""
    site, asked = tmp_path_factory.mktemp("host") / "site", list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, "_SLOWER", 1.0)  # the test need not wait for longer
        write_static(site, package)
    handler = functools.partial(type("Asked", (Quiet,), {"asked": asked}), directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.long
def test_the_page_without_a_server(host: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = host
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(address)
        browser.wait("document.querySelector('#loading span').textContent", "Unpacking symgrad …", patience=60)
        browser.wait(STATUS, GRADIENTS["Ridge regression"], patience=120)
        assert browser.evaluate("document.querySelector('#loading').hidden")
        browser.wait(CODE)
        browser.wait(f"{VERDICT}.startsWith('not checked: this page has no NumPy')")
        retype(browser, "sum(exp(X*w))")
        browser.wait(STATUS, "∂C/∂w = Xᵀexp(X w)")
        browser.evaluate(
            "window.copied = ''; navigator.clipboard.writeText = async (text) => { window.copied = text; }"
        )
        browser.evaluate("document.querySelector('[data-copy=\"derivative.text\"]').click()")
        assert browser.evaluate("window.copied") == "∂C/∂w = Xᵀexp(X w)"
        for place, title in enumerate(title for title in EXAMPLES if title not in PROBLEMS):  # these need NumPy
            browser.evaluate(f"document.querySelectorAll('.examples button')[{place}].click()")
            browser.wait(STATUS, GRADIENTS[title])
        _ends_what_takes_too_long(browser)
        assert not browser.complaints()
        assert {path.partition("?")[0] for path in asked} <= {
            f"/{name}" for name in (*FILES, "", "worker.js", "symgrad.zip")
        }
    finally:
        browser.close()


def _ends_what_takes_too_long(browser: Browser) -> None:
    retype(browser, "9^(9^9)*x")  # a number of 370 million digits
    browser.wait(
        "document.querySelector('#error').textContent", "this took longer than 10 s, and was ended", patience=60
    )
    retype(browser, "x'*A*x")
    browser.wait(STATUS, "∂C/∂x = (A + Aᵀ)x", patience=120)


@pytest.mark.long
def test_numpy_is_loaded_for_the_check(package: Path, tmp_path: Path) -> None:
    """NumPy for browsers is on no registry that tests reach; the wheel here says only that it has been imported."""
    wheel = BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("numpy/__init__.py", 'raise ImportError("NumPy is only pretended")')
        archive.writestr("numpy-2.4.6.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 2.4.6\n")
        archive.writestr("numpy-2.4.6.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("numpy-2.4.6.dist-info/RECORD", "")
    package = shutil.copytree(package, tmp_path / "package")
    (package / "numpy-2.4.6-py3-none-any.whl").write_bytes(wheel.getvalue())
    write_static(tmp_path / "site", package)
    handler = functools.partial(type("Asked", (Quiet,), {"asked": []}), directory=str(tmp_path / "site"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(f"http://127.0.0.1:{server.server_port}/")
        browser.wait(f"{VERDICT}.includes('NumPy is only pretended')", patience=120)
    finally:
        browser.close()
        server.shutdown()
        server.server_close()


def test_a_file_cannot_start_python(tmp_path: Path, pyodide: Path) -> None:
    if BROWSER is None:
        pytest.skip("needs Chromium")
    write_static(tmp_path / "site", pyodide)
    browser = Browser(tmp_path / "profile")
    try:
        browser.open((tmp_path / "site/index.html").as_uri())
        browser.wait("document.querySelector('#error').textContent.includes('has to come from a web server')")
    finally:
        browser.close()
