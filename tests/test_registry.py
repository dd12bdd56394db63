import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualhash import registry
from dualhash.errors import DualhashError
from dualhash.registry import Registry, import_path, saved_name


class Square:
    def __init__(self, side: float, border: float = 1.0, colour: str = "red") -> None:
        if border < 0:
            raise ValueError("border is below 0")
        self.side, self.border, self.colour = side, border, colour


def circle(radius: float) -> str:
    return f"circle of {radius}"


PATH = f"{__name__}:Square"


@pytest.fixture
def shapes(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(registry, "_CUSTOM", {})
    return Registry("shape", {"circle": circle}, others="Use 'svg:FILE' for others.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, in which modules can be written that no other test sees."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_built_in_entries_have_names(shapes: Registry):
    assert shapes.find("circle") is circle
    assert shapes.build("circle", {}, 3) == "circle of 3"


def test_registered_entries_are_found_by_name_and_path(shapes: Registry):
    assert shapes.register("square")(Square) is Square
    assert shapes.find("square") is shapes.find(PATH) is Square
    assert saved_name("shape", "square") == saved_name("shape", Square) == PATH
    assert saved_name("colour", "square") == "square"


def test_registering_again_replaces_the_entry(shapes: Registry):
    shapes.register("own")(Square)
    shapes.register("own")(circle)
    assert shapes.find("own") is circle


def test_names_of_built_in_entries_are_taken(shapes: Registry):
    with pytest.raises(DualhashError, match="shape 'circle' is built in; choose another name"):
        shapes.register("circle")(Square)


def test_unknown_names_are_refused_with_similar_ones(shapes: Registry):
    shapes.register("square")(Square)
    with pytest.raises(
        DualhashError, match=r"no shape 'sqare'\. Did you mean 'square'\? Use 'svg:FILE'"
    ):
        shapes.find("sqare")


@pytest.mark.parametrize("entry", [lambda: None, Square(1), 3, None])
def test_entries_without_an_import_path_are_refused(entry: object):
    with pytest.raises(DualhashError, match="give a class or function that is defined at the top"):
        import_path(entry)


def test_modules_in_the_current_folder_are_imported(shapes: Registry, folder: Path):
    (folder / "own_shapes.py").write_text("class Outer:\n    class Star: ...\n")
    assert shapes.find("own_shapes:Outer.Star").__name__ == "Star"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nowhere_to_be_found:Star", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("own_shapes:Moon", "AttributeError: module 'own_shapes' has no attribute 'Moon'"),
        ("broken_shapes:Star", "NameError: name 'undefined' is not defined"),
    ],
)
def test_paths_that_cannot_be_imported_are_refused(
    shapes: Registry, folder: Path, path: str, reason: str
):
    (folder / "own_shapes.py").write_text("class Star: ...\n")
    (folder / "broken_shapes.py").write_text("undefined\n")
    with pytest.raises(DualhashError) as refused:
        shapes.find(path)
    assert str(refused.value) == (
        f"The shape {path!r} cannot be imported ({reason}): run this in the folder that holds its "
        "code, or install its package."
    )


def test_classes_of_a_script_that_does_not_run_are_refused(shapes: Registry):
    with pytest.raises(DualhashError, match=r"'__main__:Star'.*move it from the script"):
        shapes.find("__main__:Star")


def test_settings_replace_defaults(shapes: Registry):
    square = shapes.build(PATH, {"border": 2, "colour": "blue"}, 4)
    assert (square.side, square.border, square.colour) == (4, 2, "blue")


def test_offered_arguments_are_passed_to_entries_that_have_them(shapes: Registry):
    assert shapes.build(PATH, {}, side=5, radius=6).side == 5
    assert shapes.build("circle", {}, side=5, radius=6) == "circle of 6"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bordr": 2}, r"no setting 'bordr'. Did you mean 'border'"),
        ({"border": "wide"}, "setting 'border' of the shape .* must be a number, not 'wide'"),
        ({"colour": 3}, "setting 'colour' of the shape .* must be a text, not 3"),
        ({"border": -1}, "cannot be built with the settings {'border': -1}: border is below 0"),
    ],
)
def test_wrong_settings_are_refused(shapes: Registry, settings: dict, message: str):
    with pytest.raises(DualhashError, match=message):
        shapes.build(PATH, settings, 4)


UNIT = Square(1)


def unit_square() -> Square:
    return UNIT


def test_entries_that_are_objects_are_made_by_their_function():
    squares = Registry("square", {}, made=Square)
    assert squares.find(f"{__name__}:unit_square") is squares.find(f"{__name__}:UNIT") is UNIT
    with pytest.raises(DualhashError, match="must be a Square, not a str"):
        squares.find(f"{__name__}:PATH")
    with pytest.raises(DualhashError, match="must be a class or function, not a str"):
        Registry("shape", {}).find(f"{__name__}:PATH")
