from importlib import import_module

import pytest

from dualhash.errors import DualhashError, needs_extra


def test_a_missing_package_is_named_with_what_to_install():
    message = r"Flying needs the package wings: pip install 'dualhash\[air\]'\."
    with pytest.raises(DualhashError, match=message), needs_extra("Flying", "air"):
        import_module("wings.left")


def test_a_missing_module_of_dualhash_is_not_blamed_on_an_extra():
    with pytest.raises(ModuleNotFoundError, match=r"dualhash\.wings"), needs_extra("Flying", "air"):
        import_module("dualhash.wings")
