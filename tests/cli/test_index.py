import json
from pathlib import Path

import pytest

from dualhash.cli import app as shell
from dualhash.codes import Model
from dualhash.search import Index, build
from tests.builders import colour_image, write_colour_model


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        shell.main([str(argument) for argument in arguments])
    return left.value.code


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """An index of six images in two class folders, and three images that are not in it."""
    write_colour_model(tmp_path / "model")
    for i in range(3):
        colour_image(tmp_path / "images" / "circle" / f"{i}.png", (60 * i, 9, 200))
        colour_image(tmp_path / "images" / "square" / f"{i}.png", (9, 200, 60 * i))
        colour_image(tmp_path / "more" / "circle" / f"{i}.png", (200, 9, 60 * i))
    index = tmp_path / "i.dhx"
    assert run("index", "create", tmp_path / "model", tmp_path / "images", "--out", index) == 0
    capsys.readouterr()
    return index


def test_an_interrupted_create_continues(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(build, "LARGEST_BATCH", 2)
    encode, batches = Model.encode, []

    def interrupt(model: Model, paths: list[Path], **options: object) -> object:
        batches.append(len(paths))
        if len(batches) == 3:
            raise KeyboardInterrupt
        return encode(model, paths, **options)

    monkeypatch.setattr(Model, "encode", interrupt)
    new = shop.parent / "new.dhx"
    create = ("index", "create", shop.parent / "model", shop.parent / "images", "--out", new)
    assert run(*create) == 130
    assert "Run the same command again to continue" in capsys.readouterr().err
    assert not new.exists()
    assert run(*create) == 0
    assert "6 images (4 encoded before an interruption), 16 bits" in capsys.readouterr().out
    assert batches == [2, 2, 2, 2]


def found(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[int]:
    capsys.readouterr()
    assert run("search", *arguments, "--json") == 0
    return [hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]]


def test_add_delete_compact(shop: Path, capsys: pytest.CaptureFixture[str]):
    (shop.parent / "more" / "circle" / "1.png").write_bytes(b"damaged")
    assert run("index", "add", shop, shop.parent / "more") == 0
    message = capsys.readouterr()
    assert "2 images added; 8 in all" in message.out
    assert "1.png is not an image" in message.err
    with Index.open(shop) as index:
        assert index.item(7).labels.category == "circle"
    assert run("index", "delete", shop, "0", "id:7", "7") == 0
    assert "2 images deleted, 6 left" in capsys.readouterr().out
    assert run("index", "compact", shop) == 0
    assert "bytes" in capsys.readouterr().out
    assert sorted(found(capsys, shop, "id:1")) == [2, 3, 4, 5, 6]


def test_known_images_are_not_added_again(shop: Path, capsys: pytest.CaptureFixture[str]):
    images = shop.parent / "images"
    new = colour_image(images / "circle" / "3.png", (1, 2, 3))
    assert run("index", "add", shop, images) == 0
    assert "1 image added, 6 already in the index (--update encodes" in capsys.readouterr().out
    new.rename(images / "circle" / "0.png")
    assert run("index", "add", shop, images, "--update") == 0
    assert "0 images added, 6 updated; 7 in all" in capsys.readouterr().out
    with Index.open(shop) as index:
        codes = dict(zip(*next(index.codes()), strict=True))
        assert codes[0].tolist() == codes[6].tolist()


def test_a_single_image_is_added(shop: Path, capsys: pytest.CaptureFixture[str]):
    image = shop.parent / "more" / "circle" / "0.png"
    for message in ("1 image added; 7 in all", "0 images added, 1 already in the index"):
        assert run("index", "add", shop, image) == 0
        assert message in capsys.readouterr().out


@pytest.mark.parametrize("command", ["stats", "verify", "compact", "add", "delete", "push"])
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://localhost:8000", "Run this command with the index file that it serves"),
        ("milvus://host:19530/a", "Run this command with the index file that was pushed there"),
        ("https://localhost", "index file that it serves"),
        ("htp://localhost", "No remote index has the scheme htp://. Did you mean 'http'"),
    ],
)
def test_remote_indexes_can_only_be_searched(
    capsys: pytest.CaptureFixture[str], command: str, address: str, message: str
):
    more = {"add": ["images"], "delete": ["1"], "push": ["--to", "products.db"]}
    assert run("index", command, address, *more.get(command, [])) == 2
    assert message in capsys.readouterr().err


def test_stats(shop: Path, capsys: pytest.CaptureFixture[str]):
    run("index", "delete", shop, "0")
    assert run("index", "stats", shop) == 0
    assert "code bytes" in capsys.readouterr().out
    assert run("index", "stats", shop, "--json") == 0
    stats = json.loads(capsys.readouterr().out)
    assert (stats["items"], stats["deleted"], stats["labelled"], stats["bits"]) == (5, 1, 5, 16)
    assert run("index", "add", shop, shop.parent / "images", "--update") == 0
    assert run("index", "delete", shop, "1", "6") == 0
    capsys.readouterr()
    for deleted in (3, 0):
        assert run("index", "stats", shop, "--json") == 0
        stats = json.loads(capsys.readouterr().out)
        assert (stats["items"], stats["deleted"]) == (4, deleted)
        assert run("index", "compact", shop) == 0
        capsys.readouterr()


def test_verify(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert run("index", "verify", shop) == 0
    assert "6 images, no damage" in capsys.readouterr().out
    octets = shop.read_bytes()
    place = octets.rindex(b"square/2.png")
    shop.write_bytes(octets[:place] + b"S" + octets[place + 1 :])
    assert run("index", "verify", shop) == 2
    assert "item 5 failed its check" in capsys.readouterr().err


def test_search_with_filter_radius_and_threads(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert sorted(found(capsys, shop, "id:0", "--filter", "category=circle")) == [1, 2]
    both = ("--filter", "category=circle", "--filter", "category=circle", "--threads", "2")
    assert sorted(found(capsys, shop, "id:3", *both)) == [0, 1, 2]
    assert found(capsys, shop, "id:0", "--radius", "16") == found(capsys, shop, "id:0")
    assert set(found(capsys, shop, "id:0", "--radius", "0")) < {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("index", "delete", "i.dhx"), "Name at least one id"),
        (("index", "delete", "i.dhx", "0", "6"), "no item with the id 6"),
        (("index", "delete", "i.dhx", "0", "x"), "'id:x' is not an id; write one as id:17"),
        (("index", "add", "i.dhx", "nowhere"), "nowhere"),
        (("index", "stats", "none.dhx"), "none.dhx does not exist"),
        (("search", "i.dhx", "id:0", "--filter", "circle"), "not of the form column=value"),
        (("search", "i.dhx", "id:0", "--filter", "kind=a"), "No item has a field 'kind'"),
        (
            ("search", "i.dhx", "id:0", "--filter", "category=a", "--filter", "category=b"),
            "category=a and category=b exclude each other",
        ),
        (("search", "i.dhx", "id:0", "--radius", "-1"), "at least 0, not -1"),
        (("search", "i.dhx", "id:0", "--threads", "0"), "at least 1, not 0"),
    ],
)
def test_errors_are_printed_as_one_sentence(
    shop: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
):
    monkeypatch.chdir(shop.parent)
    before = shop.read_bytes()
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert shop.read_bytes() == before


@pytest.mark.parametrize("command", ["create", "add"])
def test_images_of_unreadable_formats_are_left_out(
    shop: Path, capsys: pytest.CaptureFixture[str], command: str
):
    folder = shop.parent / "more"
    for name in ("a.CR2", "b.cr2", "circle/c.jxl", "notes.txt"):
        (folder / name).touch()
    arguments = {
        "create": ("create", shop.parent / "model", folder, "--out", shop.parent / "new.dhx"),
        "add": ("add", shop, folder),
    }
    assert run("index", *arguments[command]) == 0
    message = capsys.readouterr().err
    assert "Left out: 3" in message
    for name in ("a.CR2", "b.cr2", "circle/c.jxl"):
        assert f"{name}: {Path(name).suffix.lower()} images cannot be read; convert" in message
    assert "notes.txt" not in message


@pytest.mark.parametrize("suffix", [".heic", ".avif", ".tiff"])
def test_heic_and_tiff_images_are_indexed(
    shop: Path, capsys: pytest.CaptureFixture[str], suffix: str
):
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
    colour_image(shop.parent / "new" / f"a{suffix}", (9, 200, 60), size=(64, 64))
    assert run("index", "add", shop, shop.parent / "new") == 0
    assert "1 image added; 7 in all" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["create", "add"])
def test_labels_unknown_to_the_model_are_listed(
    shop: Path, capsys: pytest.CaptureFixture[str], command: str
):
    table = shop.parent / "shop.csv"
    rows = ["image,category,woollen,red,size"]
    rows += [f"more/circle/{i}.png,{('hat', 'circle', 'scarf')[i]},1,,s" for i in range(3)]
    table.write_text("\n".join(rows))
    arguments = {
        "create": ("create", shop.parent / "model", table, "--out", shop.parent / "new.dhx"),
        "add": ("add", shop, table),
    }
    options = ("--attribute-columns", "woollen,red", "--facet-columns", "size")
    assert run("index", *arguments[command], *options) == 0
    message = capsys.readouterr().err
    assert "the model was not trained on 2 of 3 categories: 'hat', 'scarf'" in message
    assert "not trained on 1 of 2 attribute columns: 'woollen'; their labels" in message
    assert "not trained on 1 of 1 facet columns: 'size'; their values" in message
    assert "no row has a label for the model's attributes: 'red', 'green', 'blue'" in message


def test_known_labels_are_not_listed(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert run("index", "add", shop, shop.parent / "more") == 0
    assert capsys.readouterr().err == ""
