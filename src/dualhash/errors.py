"""The error for wrong input, and error messages that suggest similar names."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class DualhashError(Exception):
    """Something that the user can correct; the message says what is wrong and what to do.

    The command line prints it without a traceback.
    """


@contextmanager
def needs_extra(work: str, extra: str) -> Iterator[None]:
    """Imports of packages that only an optional extra installs, such as "serve".

    Args:
        work: What needs them, for the message, such as "Serving".
        extra: Name of the extra.

    Raises:
        DualhashError: A package is missing; the message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("dualhash"):
            raise
        raise DualhashError(
            f"{work} needs the package {error.name}: pip install 'dualhash[{extra}]'."
        ) from error


def near(name: str, known: Iterable[str]) -> str:
    """Returns "Did you mean …? " with the most similar known names; empty if none is similar."""
    by_folded = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(repr(by_folded[c]) for c in close)}? " if close else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns a sentence with the most similar known names, or the first of all; ends a message."""
    known = list(known)
    if close := near(name, known):
        return close.rstrip()
    shown = ", ".join(repr(k) for k in known[:10])
    return f"Known: {shown}{', …' if len(known) > 10 else ''}." if known else "There are none."
