"""Registries: what the names in settings stand for, built in or custom.

A built-in entry has a short name. A custom entry is a class or function at the top level of
a module; its import path, such as `my_package.losses:MyLoss`, is what configurations and models
keep, so that another process finds it again. `Registry.register` gives it a short name as well.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import reduce
from importlib import import_module
from inspect import signature
from typing import TypeVar, cast

from dualhash.errors import DualhashError, nearest

Entry = TypeVar("Entry")
Made = TypeVar("Made")
Custom = TypeVar("Custom", bound=Callable[..., object])

_CUSTOM: dict[tuple[str, str], str] = {}
"""Import paths of registered entries, by kind and name."""


class Registry(dict[str, Entry]):
    """The built-in entries of a kind by name, and the way to those of the user.

    Args:
        kind: What an entry is, such as "backbone"; messages call it so.
        entries: The built-in entries.
        made: The type of an entry, if an entry is an object that a class or function of the user
            makes when it is called without arguments; None if it is that class or function.
        others: A sentence on further names, for the message about an unknown one.
    """

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, Entry],
        *,
        made: type[Entry] | None = None,
        others: str = "",
    ) -> None:
        super().__init__(entries)
        self.kind, self.made, self.others = kind, made, others

    def register(self, name: str) -> Callable[[Custom], Custom]:
        """Returns a decorator that gives a custom class or function a short name.

        Raises:
            DualhashError: A built-in entry has the name, or what is decorated has no import path.
        """

        def named(entry: Custom) -> Custom:
            if name in self:
                raise DualhashError(f"The {self.kind} {name!r} is built in; choose another name.")
            _CUSTOM[self.kind, name] = import_path(entry)
            return entry

        return named

    def find(self, name: str, settings: Mapping[str, object] = {}) -> Entry:
        """Returns the entry with a name or an import path.

        Args:
            name: A key, a registered name, or `package.module:Name`; the module may be in the
                current folder.
            settings: Arguments that it must accept; they have a default.

        Raises:
            DualhashError: There is no such entry or setting (the message lists similar names), or
                the path cannot be imported.
        """
        path = saved_name(self.kind, name)
        if path in self:
            entry = self[path]
        elif re.fullmatch(r"[\w.]+:[\w.]+", path):
            entry = self._checked(path, _imported(self.kind, path))
        else:
            known = [*self, *(registered for kind, registered in _CUSTOM if kind == self.kind)]
            raise DualhashError(
                f"There is no {self.kind} {name!r}. {nearest(name, known)} {self.others}".rstrip()
            )
        defaults = _defaults(entry) if settings else {}
        for setting, value in settings.items():
            if setting not in defaults:
                raise DualhashError(
                    f"The {self.kind} {name!r} has no setting {setting!r}. "
                    f"{nearest(setting, defaults)}"
                )
            default = defaults[setting]
            if default is not None and isinstance(default, str) != isinstance(value, str):
                wanted = "a text" if isinstance(default, str) else "a number"
                raise DualhashError(
                    f"The setting {setting!r} of the {self.kind} {name!r} must be {wanted}, not "
                    f"{value!r}."
                )
        return entry

    def build(
        self: "Registry[Callable[..., Made]]",
        name: str,
        settings: Mapping[str, object],
        *arguments: object,
        **offered: object,
    ) -> Made:
        """Returns what the entry makes.

        Args:
            name: As `find` takes it.
            settings: Values that replace defaults, by name.
            arguments: Its arguments without a default.
            offered: Further arguments, which it is given if it has them.

        Raises:
            DualhashError: As `find`; or it cannot be built with these settings.
        """
        entry = self.find(name, settings)
        try:
            accepted = {
                each: offered[each] for each in signature(entry).parameters if each in offered
            }
            return entry(*arguments, **accepted, **settings)
        except (TypeError, ValueError) as error:
            raise DualhashError(
                f"The {self.kind} {name!r} cannot be built with the settings {dict(settings)}: "
                f"{error}."
            ) from error

    def _checked(self, path: str, found: object) -> Entry:
        wanted = self.made.__name__ if self.made else "class or function"
        if self.made and not isinstance(found, self.made) and callable(found):
            found = found()
        if not (isinstance(found, self.made) if self.made else callable(found)):
            raise DualhashError(
                f"The {self.kind} {path!r} must be a {wanted}, not a {type(found).__name__}."
            )
        return cast("Entry", found)


def saved_name(kind: str, entry: object) -> str:
    """Returns what configurations keep of an entry: a built-in name or an import path.

    Args:
        kind: `Registry.kind`.
        entry: A name, an import path, or a class or function.

    Raises:
        DualhashError: It has no import path.
    """
    return _CUSTOM.get((kind, entry), entry) if isinstance(entry, str) else import_path(entry)


def import_path(entry: object) -> str:
    """Returns `module:Name` of a class or function.

    Raises:
        DualhashError: It is not at the top level of a module, or neither a class nor a function.
    """
    name = getattr(entry, "__qualname__", "<none>")
    if "<" in name:
        raise DualhashError(
            f"{entry!r} cannot be found again by an import path: give a class or function that is "
            "defined at the top level of a module."
        )
    return f"{entry.__module__}:{name}"


def _defaults(entry: object) -> dict[str, object]:
    parameters = signature(cast("Callable[..., object]", entry)).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _imported(kind: str, path: str) -> object:
    module, _, name = path.partition(":")
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.append(os.getcwd())  # noqa: PTH109
    try:
        return reduce(getattr, name.split("."), cast("object", import_module(module)))
    except Exception as error:  # a module of the user may raise anything
        advice = (
            "move it from the script or notebook to a module"
            if module == "__main__"
            else "run this in the folder that holds its code, or install its package"
        )
        reason = str(error).partition("\n")[0]
        raise DualhashError(
            f"The {kind} {path!r} cannot be imported ({type(error).__name__}: {reason}): {advice}."
        ) from error
