import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from dualhash.cli import output
from dualhash.errors import DualhashError


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(output, "time", made)
    return made


def test_output_prints_text_unchanged(capsys: pytest.CaptureFixture[str]):
    output.say("pip install 'dualhash[train]' " + "x" * 200)
    assert capsys.readouterr().out == "pip install 'dualhash[train]' " + "x" * 200 + "\n"


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(1, "item", "1 item"), (0, "item", "0 items"), (2000, "category", "2,000 categories")],
)
def test_counts_have_singular_and_plural(count: int, noun: str, text: str):
    assert output.counted(count, noun) == text


def test_notes_go_to_stderr(capsys: pytest.CaptureFixture[str]):
    output.note("Reading.")
    output.print_json({"value": np.float32(0.5), "folder": Path("a"), "codes": np.arange(2)})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"value": 0.5, "folder": "a", "codes": [0, 1]}
    assert captured.err == "Reading.\n"


def test_brackets_in_a_table_are_not_markup(capsys: pytest.CaptureFixture[str]):
    output.show(output.table("not [red]", ["[/]", ">a>b"], [("1", "2")]))
    printed = capsys.readouterr().out
    assert "not [red]" in printed
    assert "[/]" in printed
    assert "a>b" in printed


def test_characters_that_control_a_terminal_are_escaped(capsys: pytest.CaptureFixture[str]):
    unsafe = "\x1b[2J \x07 \x9b \r \u202e \udcff"
    escaped = r"\x1b[2J \x07 \x9b \r \u202e \udcff"
    for function in (output.say, output.note, output.complain):
        function(unsafe)
    captured = capsys.readouterr()
    assert captured.out == f"{escaped}\n"
    assert captured.err == f"{escaped}\n" * 2
    row = ("\x1b3", Text("\x1b4"), output.PathCell("\x1b5"))
    output.show(output.table("\x1b1", ["\x1b2", "", ""], [row]))
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert [rf"\x1b{i}" in printed for i in range(1, 6)] == [True] * 5
    output.print_json(unsafe)
    printed = capsys.readouterr().out
    assert "\x9b" not in printed
    assert json.loads(printed) == unsafe


def test_letters_and_emoji_are_not_escaped():
    text = "café 靴 👩‍🚀 שלום\nnext line"
    assert output.escape(text) == text


@pytest.mark.parametrize(("count", "lines"), [(0, 0), (1, 2), (15, 16), (20, 17)])
def test_only_the_first_of_many_left_out_are_listed(
    count: int, lines: int, capsys: pytest.CaptureFixture[str]
):
    output.list_left_out([f"row {i}: no image" for i in range(count)])
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == lines
    assert ("and 5 more" in printed[-1]) is (count == 20) if printed else not count


def test_json_contains_no_nan():
    with pytest.raises(ValueError, match="JSON"):
        output.to_json(float("nan"))


def test_json_files_create_their_folder(tmp_path: Path):
    output.write_json(tmp_path / "new" / "report.json", {"a": 1})
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == {"a": 1}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DualhashError, match=r"file.report\.json cannot be written"):
        output.write_json(tmp_path / "file" / "report.json", {})


def test_lines_of_progress_come_every_ten_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with output.progress("Encoding") as report:
        for done in range(0, 3001, 1000):
            report(done, 4000)
            clock.now += 6
    assert capsys.readouterr().err == "Encoding: 2,000 of 4,000, 0:00:12 left\n"


def test_stages_have_their_own_progress(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with output.stages() as report:
        for stage in ("encode", "rank"):
            for share in (0.0, 0.5, 1.0):
                report(stage, share)
                clock.now += 11
    assert capsys.readouterr().err == (
        "encode: 50 of 100, 0:00:11 left\nencode: 100 of 100, 0:00:00 left\n"
        "rank: 50 of 100, 0:00:11 left\nrank: 100 of 100, 0:00:00 left\n"
    )


@pytest.mark.parametrize(("seconds", "shown"), [(0.1, False), (3.0, True)])
def test_long_work_on_a_terminal_shows_a_progress_bar(
    seconds: float, shown: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    screen = Console(file=io.StringIO(), force_terminal=True)
    monkeypatch.setattr(output, "console", lambda **_: screen)
    with output.progress("Encoding") as report:
        report(1, 10)
        clock.now += seconds
        report(2, 10)
    assert ("Encoding" in screen.file.getvalue()) is shown


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (50, "1 shoes/2012/a-very-long-name-17.jpg"),
        (40, "1 …s/2012/a-very-long-name-17.jpg"),
        (30, "1 …ery-long-name-17.jpg"),
    ],
)
def test_a_long_path_is_shortened_at_its_start(width: int, shown: str):
    row = ("1", output.PathCell("shoes/2012/a-very-long-name-17.jpg"))
    table = output.table("Found", [">id", "image"], [row])
    screen = Console(width=width, file=io.StringIO())
    screen.print(table)
    (row,) = [line for line in screen.file.getvalue().splitlines() if "17.jpg" in line]
    assert " ".join(row.split()) == shown


def test_wide_characters_take_two_columns():
    screen = Console(width=10, file=io.StringIO())
    screen.print(output.PathCell("靴靴靴靴靴靴.jpg"))
    assert screen.file.getvalue().rstrip() == "…靴靴.jpg"
