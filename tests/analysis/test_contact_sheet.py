from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dualhash.analysis import drawing
from dualhash.analysis.contact_sheet import draw_sheet, render
from dualhash.analysis.drawing import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    PALE,
    RED,
    draw_bar,
    draw_frame,
    draw_text,
)
from dualhash.codes import Prediction
from dualhash.errors import DualhashError
from dualhash.search import Hit, ItemLabels, Query, Results
from dualhash.search.result_verdict import Verdict
from tests.builders import colour_image

SHOE, HAT = ItemLabels("shoe"), ItemLabels("hat")


def results(
    tmp_path: Path,
    *labels: ItemLabels,
    task: str = "category",
    query: ItemLabels | None = SHOE,
    conditions: dict[str, bool] | None = None,
) -> Results:
    conditions = conditions or {}
    image = str(colour_image(tmp_path / "grey.png", (128, 128, 128), (80, 60)))
    probabilities = dict.fromkeys(conditions, 0.75)
    code = np.zeros(1, np.uint8)
    hits = tuple(
        Hit(i + 1, i, i, None, probabilities, image, label, {}, code)
        for i, label in enumerate(labels)
    )
    prediction = Prediction("hat", 0.9, probabilities)
    origin = query and Query(code, image, 7, query, prediction)
    return Results(task, 8, origin, conditions, len(hits), hits)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def shows(image: Image.Image, colour: str) -> bool:
    return bool((np.asarray(image) == rgb(colour)).all(axis=2).any())


RED_SHOE = ItemLabels("shoe", {"red": True, "new": False})


def test_frames_differ_by_line_and_badge_as_well_as_colour():
    covered, badges = {}, set()
    colours = (GREEN, AMBER, RED, GREY)
    for each, colour in zip(get_args(Verdict), colours, strict=True):
        sheet = Image.new("RGB", (300, 300), "white")
        draw_frame(sheet, (50, 50, 250, 250), each)
        frame = np.asarray(sheet)[80:250, 50:56]
        covered[each] = (frame == rgb(colour)).all(axis=2).mean()
        badges.add((np.asarray(sheet)[34:68, 230:264] == 255).all(axis=2).tobytes())
    assert covered["right"] == 1
    assert 0.6 < covered["half"] < 0.7
    assert 0.5 < covered["wrong"] < 0.85
    assert 0.2 < covered["unknown"] < 0.5
    assert len(badges) == 4


@pytest.mark.parametrize("share", [0.0, 0.25, 0.75, 1.0])
def test_bar_length_is_proportional_to_its_share(share: float):
    sheet = Image.new("RGB", (220, 20), "white")
    draw_bar(ImageDraw.Draw(sheet), (10, 5, 210, 15), share)
    middle = np.asarray(sheet)[9, 10:210]
    assert (middle == rgb(BLUE)).all(axis=1).sum() == round(200 * share)
    assert (middle == rgb(PALE)).all(axis=1).sum() == 200 - round(200 * share)


def test_a_sheet_frames_each_result_by_its_verdict(tmp_path: Path):
    assert shows(render(results(tmp_path, SHOE, HAT)), GREEN)
    assert shows(render(results(tmp_path, SHOE, HAT)), RED)
    assert not shows(render(results(tmp_path, SHOE)), RED)
    half = results(tmp_path, RED_SHOE, task="combined", conditions={"red": False})
    assert shows(render(half), AMBER)
    assert not shows(render(half), GREEN)


def test_a_predicted_category_gives_the_verdict_unknown(tmp_path: Path):
    sheet = render(results(tmp_path, SHOE, HAT, query=ItemLabels()))
    assert [shows(sheet, colour) for colour in (GREEN, AMBER, RED)] == [False] * 3
    frame = np.asarray(sheet)[210:400, 524:530]
    assert (frame == rgb(GREY)).all(axis=2).any()


def test_each_chosen_attribute_gets_a_bar(tmp_path: Path):
    found = results(tmp_path, RED_SHOE, task="combined", conditions={"red": True})
    more = results(tmp_path, RED_SHOE, task="combined", conditions={"red": True, "new": False})
    assert shows(render(found), BLUE)
    assert render(more).height > render(found).height


def test_small_images_are_enlarged(tmp_path: Path):
    sheet = np.asarray(render(results(tmp_path, ItemLabels("shoe"))))
    cell = sheet[:, sheet.shape[1] // 4 :]
    grey = (cell == 128).all(axis=2)
    assert grey.any(axis=0).sum() >= 2 * 60
    assert grey.any(axis=1).sum() >= 2 * 80


@pytest.mark.parametrize("count", [0, 1, 5, 6, 20, 41])
def test_any_number_of_results_can_be_drawn(tmp_path: Path, count: int):
    sheet = render(results(tmp_path, *[ItemLabels("shoe")] * count))
    assert sheet.width < 3000
    assert sheet.height > 400


def test_missing_images_missing_queries_and_other_scripts_can_be_drawn(tmp_path: Path):
    found = results(
        tmp_path, ItemLabels("Schürze 靴"), query=None, task="combined", conditions={"é": True}
    )
    (tmp_path / "grey.png").unlink()
    assert render(found).size


def drawn(text: str) -> bytes:
    sheet = Image.new("RGB", (400, 40), "white")
    draw_text(ImageDraw.Draw(sheet), (0, 0), text, 26)
    return sheet.tobytes()


def test_letters_in_no_font_lose_accents_or_become_question_marks(
    monkeypatch: pytest.MonkeyPatch,
):
    own = drawing._fonts(26)[:1]
    monkeypatch.setattr(drawing, "_fonts", lambda _: own)
    assert drawn("Schürze 靴") == drawn("Schurze ?")
    assert drawn("two\nlines") == drawn("two lines")
    assert drawn("靴") != drawn("")


def test_more_results_than_a_sheet_holds_are_refused(tmp_path: Path):
    with pytest.raises(DualhashError, match="at most 500 results, not 501"):
        draw_sheet(results(tmp_path, *[ItemLabels()] * 501), tmp_path / "sheet.png")


def test_drawing_replaces_the_file_atomically(tmp_path: Path):
    path = tmp_path / "new" / "sheet.png"
    path.parent.mkdir()
    draw_sheet(results(tmp_path, ItemLabels("shoe")), path)
    draw_sheet(results(tmp_path, ItemLabels("hat")), str(path))
    assert shows(Image.open(path), RED)
    assert [file.name for file in path.parent.iterdir()] == ["sheet.png"]


def test_file_names_with_other_suffixes_are_refused(tmp_path: Path):
    for name in ("sheet.txt", "sheet.gif", "sheet"):
        with pytest.raises(DualhashError, match=f"{name} cannot be drawn: name a .png or .jpg"):
            draw_sheet(results(tmp_path), tmp_path / name)
    assert not list(tmp_path.glob("sheet*"))


@pytest.mark.parametrize(
    ("name", "image_format"), [("a.PNG", "PNG"), ("a.jpg", "JPEG"), ("a.jpeg", "JPEG")]
)
def test_the_suffix_sets_the_format(tmp_path: Path, name: str, image_format: str):
    draw_sheet(results(tmp_path, ItemLabels("shoe")), tmp_path / name)
    assert Image.open(tmp_path / name).format == image_format


def test_unwritable_paths_are_refused(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DualhashError, match=r"cannot be written"):
        draw_sheet(results(tmp_path), tmp_path / "file" / "sheet.png")
    with pytest.raises(DualhashError, match=r"there is no folder .*nowhere"):
        draw_sheet(results(tmp_path), tmp_path / "nowhere" / "sheet.png")
    (tmp_path / "sheet.png").mkdir()
    with pytest.raises(DualhashError, match=r"cannot be written"):
        draw_sheet(results(tmp_path), tmp_path / "sheet.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "grey.png", "sheet.png"]
