"""The report in a real browser, where there is one: formulas are drawn, nothing overflows, pointing lights up."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sympy import Eq, IndexedBase, Sum, oo, sqrt, symbols

from symgrad import Model, if_else, softmax
from tests.families import one_in

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

# Asks the page itself, and writes the answers into its title.
PROBE = """
<script>
window.addEventListener("load", function () {
  var root = document.documentElement;
  var formula = document.querySelector("li[data-key='gradient-w']");
  formula.dispatchEvent(new Event("focus"));
  var lit = document.querySelectorAll(".line.lit").length;
  formula.dispatchEvent(new Event("blur"));
  var answers = {
    overflow: root.scrollWidth > root.clientWidth,
    drawn: Math.min.apply(null, Array.prototype.map.call(document.querySelectorAll("ul.formulas math"),
      function (one) { return one.getBoundingClientRect().width; })) > 10,
    cut: Array.prototype.some.call(document.querySelectorAll("pre, p, h1, h2, caption, .card"),
      function (one) { return one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0; }),
    lit: lit > 0,
    unlit: document.querySelectorAll(".lit").length === 0
  };
  document.body.setAttribute("data-answers", JSON.stringify(answers));
});
</script>
"""


@pytest.mark.parametrize("width", one_in(4, [360, 1200]))
def test_the_report_in_a_browser(models: Any, tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(models.logistic().report().html.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    frame = tmp_path / "frame.html"
    # a window has a least width, a frame has none
    frame.write_text(f'<iframe src="report.html" style="width:{width}px;height:900px"></iframe>', encoding="utf-8")
    dump = _run("--dump-dom", f"--window-size={width},900", page.as_uri())
    answers = dump.partition('data-answers="')[2].partition('"')[0].replace("&quot;", '"')
    assert answers == '{"overflow":false,"drawn":true,"cut":false,"lit":true,"unlit":true}'
    picture = tmp_path / "picture.png"
    _run(f"--screenshot={picture}", f"--window-size={width + 40},940", frame.as_uri())
    assert picture.stat().st_size > 5000


NARROW = """
<script>
window.addEventListener("load", function () {
  var cases = document.querySelector("mtable.cases"), frames = document.querySelectorAll("ul.formulas li");
  document.body.setAttribute("data-answers", JSON.stringify({
    below: cases.querySelectorAll("mtd")[1].getBoundingClientRect().top > cases.getBoundingClientRect().top + 10,
    scrolls: Array.prototype.some.call(frames, function (one) { return one.scrollWidth > one.clientWidth + 1; })
  }));
});
</script>
"""


@pytest.mark.parametrize(("width", "below"), [(360, "true"), (1200, "false")])
def test_the_condition_of_a_case_stands_below_its_value_on_a_phone(tmp_path: Path, width: int, below: str) -> None:
    page = tmp_path / "report.html"
    page.write_text(_masked_attention().report().html.replace("</body>", f"{NARROW}</body>"), encoding="utf-8")
    dump = _run("--dump-dom", f"--window-size={width},900", page.as_uri())
    answers = dump.partition('data-answers="')[2].partition('"')[0].replace("&quot;", '"')
    assert answers == f'{{"below":{below},"scrolls":false}}'


def _masked_attention() -> Model:
    S, D = symbols("S D", integer=True, positive=True)
    s, t, d = symbols("s t d", integer=True)
    queries, keys, weights, target = (IndexedBase(name, shape=(S, D if name in "QK" else S)) for name in "QKAT")
    score = Sum(queries[s, d] * keys[t, d], (d, 0, D - 1)) / sqrt(D)
    where = [Eq(weights[s, t], softmax(if_else(t <= s, score, -oo), (t, 0, S - 1)))]
    return Model(Sum((weights[s, t] - target[s, t]) ** 2, (s, 0, S - 1), (t, 0, S - 1)), [queries], where=where)


def _run(*options: str) -> str:
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", *options]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout
