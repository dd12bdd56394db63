import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from dualhash.cli import output
from dualhash.errors import DualhashError
from dualhash.progress import escape


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
    assert escape(text) == text


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
