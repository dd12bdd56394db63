import io

import pytest
from rich.console import Console

from dualhash import progress
from dualhash.cli import output
from dualhash.progress import Display


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_progress_is_printed_as_lines_without_a_terminal(
    clock: Clock, capsys: pytest.CaptureFixture[str]
):
    with Display().bar("training") as step:
        for seconds, done in ((10, 100), (30, 200), (5, 210), (35, 300)):
            clock.now += seconds
            step(done, 500, f"loss {done}")
    # A resumed training begins at 100, seen after 10 seconds: 100 in 30 seconds, then 200 in 70.
    assert capsys.readouterr().err.splitlines() == [
        "training: 200 of 500, 0:01:30 left  loss 200",
        "training: 300 of 500, 0:01:10 left  loss 300",
    ]


def test_short_work_prints_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with Display().bar("encoding") as step:
        for done in range(3):
            step(done, 3)
            clock.now += 0.6
    assert capsys.readouterr().err == ""


def test_stages_have_their_own_progress(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with output.stages() as report:
        for stage in ("encode", "rank"):
            for share in (0.0, 0.5, 1.0):
                report(stage, share)
                clock.now += 21
    assert capsys.readouterr().err == (
        "encode: 50 of 100, 0:00:21 left\nencode: 100 of 100, 0:00:00 left\n"
        "rank: 50 of 100, 0:00:21 left\nrank: 100 of 100, 0:00:00 left\n"
    )


@pytest.mark.parametrize(("seconds", "shown"), [(0.1, False), (3.0, True)])
def test_long_work_on_a_terminal_shows_a_progress_bar(
    seconds: float, shown: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(progress, "console", lambda **_: screen)
    with Display().bar("Encoding") as step:
        step(1, 10)
        clock.now += seconds
        step(2, 10, "loss 0.5")
    assert ("Encoding" in screen.file.getvalue()) is shown
    assert ("loss 0.5" in screen.file.getvalue()) is shown


def test_a_remark_is_printed_once(capsys: pytest.CaptureFixture[str]):
    display = Display()
    for text in ("few images", "no labels", "few images"):
        display.remark(text)
    assert capsys.readouterr().err.splitlines() == ["few images", "no labels"]


def test_control_characters_of_notes_are_escaped(capsys: pytest.CaptureFixture[str]):
    Display().note("Left out: \x1b[31m.png")
    assert capsys.readouterr().err == "Left out: \\x1b[31m.png\n"


def test_quiet_prints_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]):
    display = Display(quiet=True)
    display.note("a note")
    display.remark("a remark")
    display.table("title", ("a",), [("1",)])
    with display.bar("training") as step:
        step(0, 2)
        clock.now += 100
        step(1, 2)
    assert capsys.readouterr() == ("", "")
