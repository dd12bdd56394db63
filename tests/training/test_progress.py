import pytest

from dualhash.training import progress
from dualhash.training.progress import Display


def test_progress_is_printed_as_lines_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    clock = iter([0.0, 10.0, 40.0, 45.0, 80.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with Display().bar("training") as step:
        for done in (100, 200, 210, 300):
            step(done, 500, f"loss {done}")
    # A resumed training begins at 100, seen after 10 seconds: 100 in 30 seconds, then 200 in 70.
    assert capsys.readouterr().err.splitlines() == [
        "training: 200 of 500, 0:01:30 left  loss 200",
        "training: 300 of 500, 0:01:10 left  loss 300",
    ]


def test_quiet_prints_nothing(capsys: pytest.CaptureFixture[str]):
    display = Display(quiet=True)
    display.note("a note")
    display.table("title", ("a",), [("1",)])
    assert capsys.readouterr() == ("", "")
