"""The graph as a picture: what is drawn, where, and that large models stay legible."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, log, symbols, tanh

from symgrad import Model, sigmoid
from symgrad.inspect.layers import plan
from symgrad.inspect.picture import MOST_BOXES, picture
from symgrad.inspect.svg import PAGE, render, svg, text_width

SVG = "{http://www.w3.org/2000/svg}"


def arrows(model: Model) -> set[tuple[str, str]]:
    drawn = picture(model)
    titles = {block.key: block.title for block in drawn.blocks}
    return {(titles[arrow.source], titles[arrow.target]) for arrow in drawn.arrows}


def test_names_are_boxes_with_shapes_and_adjoints_on_the_arrows(models: Any) -> None:
    assert arrows(models.logistic()) == {("X", "y"), ("w", "y"), ("y", "C"), ("t", "C")}
    labels = {(a.shape, a.adjoint, a.active) for a in picture(models.logistic()).arrows}
    assert labels == {("N×M", "", False), ("M×1", "∂C/∂w", True), ("N×1", "∂C/∂y", True), ("N×1", "", False)}


def test_without_names_the_operations_are_boxes_as_in_the_lecture() -> None:
    M = symbols("M", integer=True, positive=True)
    x, w = MatrixSymbol("x", M, 1), MatrixSymbol("w", M, 1)
    found = arrows(Model(-log(sigmoid(w.T * x)[0, 0]), [w]))
    product = next(target for source, target in found if source == "w")
    assert product in ("wᵀx", "xᵀw")
    chain = ["x", product, f"σ({product})", f"log(σ({product}))", "C"]
    assert found == {("w", product), *pairwise(chain)}


def test_data_flow_from_left_to_right(model: Model) -> None:
    drawn = picture(model)
    sizes = {block.key: (60.0, 30.0) for block in drawn.blocks}
    placed = plan(sizes, [(arrow.source, arrow.target, 40.0) for arrow in drawn.arrows])
    for arrow in drawn.arrows:
        assert placed.places[arrow.source].x + 60 < placed.places[arrow.target].x


def test_boxes_do_not_overlap(model: Model) -> None:
    root = ET.fromstring(svg(model))
    boxes = [
        tuple(float(rect.get(key, "")) for key in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
        if rect.get("class") == "box"
    ]
    assert len(boxes) == len(picture(model).blocks)
    for number, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[number + 1 :]:
            assert x + width < left or left + wide < x or y + height < top or top + high < y


def places(model: Model) -> dict[str, tuple[float, float]]:
    """The middle of every box, by its title."""
    found = {}
    for group in ET.fromstring(svg(model)).iter(f"{SVG}g"):
        rects = [rect for rect in group.findall(f"{SVG}rect") if rect.get("class") == "box"]
        for rect in rects:
            x, y, width, height = (float(rect.get(key, "")) for key in ("x", "y", "width", "height"))
            found[group.findtext(f"{SVG}text", "")] = (x + width / 2, y + height / 2)
    return found


def size(model: Model) -> tuple[float, float]:
    _, _, width, height = map(float, ET.fromstring(svg(model)).get("viewBox", "").split())
    return width, height


def test_a_graph_that_is_wider_than_a_page_goes_down(models: Any) -> None:
    short, long = places(models.network(1)), places(models.network(6))
    assert short["Z1"][0] < short["H1"][0] < short["C"][0] and abs(short["Z1"][1] - short["H1"][1]) < 20
    assert long["Z1"][1] < long["H1"][1] < long["Z6"][1] < long["C"][1] and abs(long["Z1"][0] - long["H1"][0]) < 20
    assert size(models.network(6))[0] < PAGE < size(models.network(6))[1]


def test_the_labels_at_the_two_sides_of_an_arrow_have_room(models: Any) -> None:
    root = ET.fromstring(svg(models.network(6)))
    rows: dict[float, list[tuple[float, float]]] = {}
    for label in root.iter(f"{SVG}text"):
        if label.get("class") in ("label shape", "label adjoint") and (content := label.text):
            x, width = float(label.get("x", "")), text_width(content, 11)
            ends = (x - width, x) if label.get("text-anchor") == "end" else (x, x + width)
            rows.setdefault(float(label.get("y", "")), []).append(ends)
    for ends in rows.values():
        assert all(left < right for (_, left), (right, _) in pairwise(sorted(ends)))


def test_a_recurrence_is_a_box_with_all_its_states_and_its_step() -> None:
    T = symbols("T", integer=True, positive=True)
    t = symbols("t", integer=True)
    a, z, h = IndexedBase("a", shape=(T,)), IndexedBase("z", shape=(T + 1,)), IndexedBase("h", shape=(T + 1,))
    step = [Eq(z[t], tanh(h[t - 1] * a[t - 1])), Eq(h[t], z[t] + h[t - 1])]
    model = Model(h[T] ** 2, [a], where=[Eq(h[0], 1), *step])
    (block,) = (block for block in picture(model).blocks if block.kind == "block")
    assert set(block.title.split(", ")) == {"h", "z"} and block.title[0] == "h"
    assert set(block.formula.split(" + ")) == {"z[t]", "h[t − 1]"}


def test_a_network_of_a_hundred_layers_is_drawn_by_its_first_and_last(models: Any) -> None:
    drawn = picture(models.network(100))
    titles = [block.title for block in drawn.blocks]
    assert len([block for block in drawn.blocks if block.kind in ("block", "loss", "more")]) <= MOST_BOXES
    assert {"Z1", "H1", "Z100", "H100", "C"} <= set(titles) and "Z50" not in titles
    (more,) = (block for block in drawn.blocks if block.kind == "more")
    assert re.fullmatch(r"⋯ 19\d more", more.title) and "Z50" in more.tip
    # one way through: everything that is drawn is connected with the loss
    reached, before = {drawn.blocks[-1].key}, set()
    while reached != before:
        before = set(reached)
        reached |= {arrow.source for arrow in drawn.arrows if arrow.target in reached}
    assert reached == {block.key for block in drawn.blocks}


@pytest.mark.long
def test_a_large_model_that_does_not_repeat_itself_stays_legible_too() -> None:
    N = symbols("N", integer=True, positive=True)
    A, x = MatrixSymbol("A", N, N), MatrixSymbol("x", N, 1)
    value = x
    for number in range(60):
        value = (A * value).applyfunc(tanh) if number % 7 in (1, 2, 4) or number % 11 == 3 else A.T * value + x
    assert len(picture(Model(value.T * x, [A])).blocks) <= 60


def test_the_picture_is_one_accessible_file_without_references(models: Any) -> None:
    text = svg(models.logistic())
    root = ET.fromstring(text)
    assert root.get("role") == "img" and root.find(f"{SVG}title").text == "The graph of logistic <regression>"
    assert "y" in root.find(f"{SVG}desc").text
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|@import|<script|<image", text)
    assert svg(models.logistic()) == text


def test_a_node_of_an_unknown_kind_is_a_box_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from symgrad.inspect import writing

    def refuse(*_: object) -> None:
        raise AssertionError("Strange")

    monkeypatch.setattr(writing.IndexWriter, "write", refuse)
    N = symbols("N", integer=True, positive=True)
    from sympy import IndexedBase, Sum

    x, n = IndexedBase("x", shape=(N,)), symbols("n", integer=True)
    titles = {block.title for block in picture(Model(Sum(tanh(x[n]) ** 2, (n, 0, N - 1)), [x])).blocks}
    assert titles == {"x", "tanh", "C"}


def test_values_and_adjoints_have_a_colour_each(models: Any) -> None:
    text = render(picture(models.classes()))
    assert text.count('class="forward"') == 1 + len(picture(models.classes()).arrows)
    assert text.count('class="backward"') == 1 + sum(arrow.active for arrow in picture(models.classes()).arrows)
