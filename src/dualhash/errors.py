"""Errors that a user can put right: the message says what is wrong and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class DualhashError(Exception):
    """Base of every error raised for bad input; the command line prints it without a traceback."""


def near(name: str, known: Iterable[str]) -> str:
    """A question naming the known names closest to `name`, and a space; nothing if none is."""
    by_folded = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(repr(by_folded[c]) for c in close)}? " if close else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence naming the known names closest to `name`, to end an error message with."""
    known = list(known)
    if close := near(name, known):
        return close.rstrip()
    shown = ", ".join(repr(k) for k in known[:10])
    return f"Known: {shown}{', …' if len(known) > 10 else ''}." if known else "There are none."
