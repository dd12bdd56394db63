"""The command `dualhash`: its commands, its help, and how errors reach the user."""

import os
import sys
from collections.abc import Callable

from cyclopts import App, CycloptsError

from dualhash.cli import output
from dualhash.errors import DualhashError
from dualhash.version import __version__

GETTING_STARTED = """\
Learn one short binary code per image and search it three ways:
the same category, chosen attributes, or both.

Getting started, with a table `products.csv` that has columns `image`, `category` and `colour`:

1. `dualhash catalogue show products.csv` - what was understood, and every problem
2. `dualhash train products.csv --facet-columns colour --out model` - learns the codes
3. `dualhash index create model products.csv --out products.dhx` - one code an image
4. `dualhash search products.dhx photo.jpg --task combined --want colour=red --sheet found.png`
5. `dualhash evaluate model products.csv` - how good the codes are, with intervals

No pictures at hand? `dualhash demo` does all of it on a catalogue of emoji.
Every command explains itself with `--help`.
"""

app = App(name="dualhash", version=__version__, help=GETTING_STARTED, result_action="return_value")
COMMANDS = {
    "catalogue": ("catalogue:catalogue_app", "What a table, folder or data set holds."),
    "train": ("train:train", "Learn codes from a catalogue; writes a model folder."),
    "pretrain": ("pretrain:pretrain", "Teach a backbone categories, for trainings to start from."),
    "baselines": ("baselines:baselines", "List the methods of other papers, to compare with."),
    "index": ("index:index_app", "Make, change and check a file of codes."),
    "search": ("search:search", "Find images by category, attributes, or both."),
    "serve": ("serve:serve", "A page and an API to search with."),
    "evaluate": ("evaluate:evaluate", "Judge a model on the test subset of a catalogue."),
    "analyse": ("analyse:analyse", "See what each bit of the codes is for."),
    "codes": ("codes:codes_app", "Write and read codes as files of other programs."),
    "demo": ("demo:demo", "All of it on a catalogue of emoji, in a few minutes."),
}
"""Name: (where it is found when it is called, what the help says), in the order of the help."""

for place, (name, (path, said)) in enumerate(COMMANDS.items()):
    app.command(f"dualhash.cli.{path}", name=name, help=said, sort_key=place)

USER_ERROR, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 2 something for the user to put right, 130 interrupted.

    An error of the user's is one sentence on stderr. `DUALHASH_DEBUG=1` shows tracebacks.
    """
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(exit_code(lambda: _call(given)))


def exit_code(command: Callable[[], object]) -> int:
    """Runs a command; prints a user's error as one sentence. Returns the exit code as in `main`."""
    if os.environ.get("DUALHASH_DEBUG") == "1":
        command()
        return 0
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
        # The reader went away; keep Python from complaining about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk, a folder that may not be looked into
        named = f"{error.filename}: " if error.filename else ""
        output.complain(f"{named}{error.strerror or error}.")
        return USER_ERROR
    return 0


def _call(arguments: list[str]) -> None:
    """A command's own help is all that it says, not the line that stands in the list."""
    for name in COMMANDS.keys() & set(arguments[:1]):
        if app[name].default_command:
            app[name].help = None
    app(arguments, print_error=False, exit_on_error=False)
