"""The command `dualhash`: its sub-commands, its help, and its exit codes."""

import os
import sys
import warnings
from collections.abc import Callable

from cyclopts import App, CycloptsError

from dualhash.cli import output
from dualhash.errors import DualhashError
from dualhash.version import __version__

GETTING_STARTED = """\
Learn one short binary code per image and search it three ways:
the same category, chosen attributes, or both.

Getting started, with a table `products.csv` that has columns `image`, `category` and `colour`:

1. `dualhash catalogue show products.csv --facet-columns colour` - check the labels
2. `dualhash train products.csv --facet-columns colour --out model` - learn the codes
3. `dualhash index create model products.csv --out products.dhx` - encode all images
4. `dualhash search products.dhx photo.jpg --task combined --want colour=red --sheet found.png`
5. `dualhash evaluate model products.csv` - measure the quality of the codes

No images at hand? `dualhash demo` does all of this with emoji.
Every command has its own `--help`.
"""

app = App(name="dualhash", version=__version__, help=GETTING_STARTED, result_action="return_value")
COMMANDS = {
    "catalogue": ("catalogue:catalogue_app", "Check a table, a folder or a data set."),
    "train": ("train:train", "Learn codes from a catalogue and write a model folder."),
    "pretrain": ("pretrain:pretrain", "Train a backbone on categories, for later trainings."),
    "baselines": ("baselines:baselines", "List the methods of other papers."),
    "index": ("index:index_app", "Create, change and check an index."),
    "search": ("search:search", "Find images by category, by attributes, or by both."),
    "serve": ("serve:serve", "Start a search page and an HTTP API."),
    "evaluate": ("evaluate:evaluate", "Measure a model on the test subset of a catalogue."),
    "analyse": ("analyse:analyse", "Show what each bit of the codes stands for."),
    "codes": ("codes:codes_app", "Export codes to other programs, and import codes from them."),
    "demo": ("demo:demo", "Run all of this on a catalogue of emoji, in a few minutes."),
}
"""Name: (module and function, one line of help), in the order of the help."""

for place, (name, (path, summary)) in enumerate(COMMANDS.items()):
    app.command(f"dualhash.cli.{path}", name=name, help=summary, sort_key=place)

USER_ERROR, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits: 0 success, 2 an error of the user, 130 interrupted.

    An error of the user is one sentence on stderr. `DUALHASH_DEBUG=1` shows tracebacks.
    """
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(exit_code(lambda: _call(words)))


def exit_code(command: Callable[[], object]) -> int:
    """Runs a command and prints an error of the user as one sentence.

    Returns:
        The exit code as in `main`.
    """
    if os.environ.get("DUALHASH_DEBUG") == "1":
        command()
        return 0
    warnings.showwarning = lambda message, *_: output.note(str(message))
    try:
        command()
        sys.stdout.flush()
    except (DualhashError, CycloptsError) as error:
        output.complain(str(error))
        return USER_ERROR
    except KeyboardInterrupt:
        output.complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader is gone. Without this, Python reports the broken pipe again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # such as a full disk
        file = f"{error.filename}: " if error.filename else ""
        output.complain(f"{file}{error.strerror or error}.")
        return USER_ERROR
    return 0


def _call(arguments: list[str]) -> None:
    """Runs the command. Its own `--help` shows its docstring, not its line in the list."""
    for name in COMMANDS.keys() & set(arguments[:1]):
        if app[name].default_command:
            app[name].help = None
    app(arguments, print_error=False, exit_on_error=False)
