import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from cyclopts import App

from dualhash.cli import app as shell
from dualhash.errors import DualhashError
from dualhash.version import __version__


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        shell.main(list(arguments))
    return left.value.code


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Replaces all commands by one that raises the given error."""

    def replace(error: BaseException) -> None:
        def command() -> None:
            raise error

        app = App(result_action="return_value")
        app.command(command, name="command")
        monkeypatch.setattr(shell, "app", app)

    monkeypatch.delenv("DUALHASH_DEBUG", raising=False)
    return replace


def test_help_shows_the_five_commands(capsys: pytest.CaptureFixture[str]):
    assert run("--help") == 0
    message = capsys.readouterr().out
    for command in ("catalogue show", "train", "index create", "search", "evaluate"):
        assert f"dualhash {command}" in message


def test_help_of_a_command_is_its_docstring(capsys: pytest.CaptureFixture[str]):
    assert run("search", "--help") == 0
    assert "Find images of the same category, with chosen attributes, or both." in " ".join(
        capsys.readouterr().out.split()
    )
    assert run("index", "--help") == 0
    assert "Create, change and check an index." in capsys.readouterr().out


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]):
    assert run() == 0
    assert "Getting started" in capsys.readouterr().out


@pytest.mark.parametrize("name", shell.COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]):
    assert run(name, "--help") == 0
    assert f"dualhash {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]):
    assert run("--version") == 0
    assert capsys.readouterr().out.strip() == __version__


def test_python_m_dualhash_is_the_command_line():
    command = [sys.executable, "-m", "dualhash"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == __version__
    failed = subprocess.run([*command, "sarch"], capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "search" in failed.stderr


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]):
    assert run("evalute") == 2
    captured = capsys.readouterr()
    assert "evaluate" in captured.err
    assert captured.out == ""


def test_a_user_error_is_printed_as_one_sentence(failing, capsys: pytest.CaptureFixture[str]):
    failing(DualhashError("No column [kind]: pip install 'dualhash[train]' will not help."))
    assert run("command") == 2
    assert capsys.readouterr().err == (
        "No column [kind]: pip install 'dualhash[train]' will not help.\n"
    )


def test_a_full_disk_prints_no_traceback(failing, capsys: pytest.CaptureFixture[str]):
    failing(OSError(28, "No space left on device", "out/model"))
    assert run("command") == 2
    assert capsys.readouterr().err == "out/model: No space left on device.\n"


def test_debug_variable_shows_the_traceback(failing, monkeypatch: pytest.MonkeyPatch):
    failing(DualhashError("No."))
    monkeypatch.setenv("DUALHASH_DEBUG", "1")
    with pytest.raises(DualhashError, match="No"):
        shell.main(["command"])


def test_a_warning_is_printed_as_one_sentence(capsys: pytest.CaptureFixture[str]):
    def command() -> None:
        warnings.warn("Free some space.", RuntimeWarning, stacklevel=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DUALHASH_DEBUG", raising=False)
        patch.setattr(warnings, "showwarning", warnings.showwarning)
        assert shell.exit_code(command) == 0
    assert capsys.readouterr() == ("", "Free some space.\n")


def test_an_interrupt_exits_without_a_traceback(failing, capsys: pytest.CaptureFixture[str]):
    failing(KeyboardInterrupt())
    assert run("command") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_an_unexpected_exception_is_not_caught(failing):
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        shell.main(["command"])


def test_a_closed_pipe_ends_the_command_silently(tmp_path: Path):
    """`dualhash … | head` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "dualhash", "--help"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr == b""


@pytest.mark.parametrize("line", ["import dualhash", "from dualhash.cli import app"])
def test_startup_imports_no_heavy_module(line: str):
    code = f"{line}\nimport sys\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {b"torch", b"numba", b"polars", b"onnxruntime", b"numpy"} & set(loaded.split())
