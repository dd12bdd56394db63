"""Errors that a user can put right: the message says what is wrong and what to do."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeVar


class Adjustable(Protocol):
    """A description of what is built with settings."""

    @property
    def settings(self) -> tuple[str, ...]:
        """Their names."""


Entry = TypeVar("Entry", bound=Adjustable)


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


def look_up(kind: str, name: str, known: Mapping[str, Entry], settings: Iterable[str]) -> Entry:
    """The entry of that name, which has these settings.

    Args:
        kind: What the entries are, such as "hash layer".
        name: A key of `known`.
        known: The entries.
        settings: Names of the settings that are given.

    Raises:
        DualhashError: There is none of that name, or it has no such setting; the message names the
            nearest.
    """
    if name not in known:
        raise DualhashError(f"There is no {kind} {name!r}. {nearest(name, known)}")
    entry = known[name]
    for setting in settings:
        if setting not in entry.settings:
            raise DualhashError(
                f"The {kind} {name!r} has no setting {setting!r}. "
                f"{nearest(setting, entry.settings)}"
            )
    return entry
