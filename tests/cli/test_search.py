import json
import re
import shutil
from pathlib import Path

import pytest

from dualhash.cli import app as shell
from dualhash.search.request import DEFAULT_ATTRIBUTE_WEIGHT
from tests.builders import colour_image, write_colour_model


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        shell.main([str(argument) for argument in arguments])
    return left.value.code


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a model, and class folders with images of which one is damaged."""
    write_colour_model(tmp_path / "model")
    for i in range(4):
        colour_image(tmp_path / "images" / "circle" / f"{i}.png", (60 * i, 9, 200))
        colour_image(tmp_path / "images" / "square" / f"{i}.png", (9, 200, 60 * i))
    (tmp_path / "images" / "square" / "3.png").write_bytes(b"damaged")
    return tmp_path


def create(shop: Path, *options: str) -> int:
    return run(
        "index", "create", shop / "model", shop / "images", "--out", shop / "i.dhx", *options
    )


def test_index_create_and_search_end_to_end(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert create(shop) == 0
    captured = capsys.readouterr()
    assert "7 images, 16 bits each, 14 bytes of codes" in captured.out
    assert "3.png is not an image" in captured.err

    query = shop / "images" / "circle" / "0.png"
    assert run("search", shop / "i.dhx", query, "-k", "3", "--sheet", shop / "found.png") == 0
    output = capsys.readouterr().out
    assert "Same kind: the first 3 of 7" in output
    assert "circle/0.png" in output
    assert (shop / "found.png").stat().st_size > 1000


def test_results_have_a_column_of_names_if_the_payload_has_names(
    shop: Path, capsys: pytest.CaptureFixture[str]
):
    rows = (f"images/circle/{i}.png,circle,Ball {i}" for i in range(1, 4))
    (shop / "named.csv").write_text("\n".join(["image,category,title", *rows]))
    index = shop / "named.dhx"
    assert run("index", "create", shop / "model", shop / "named.csv", "--out", index) == 0
    create(shop)
    capsys.readouterr()
    assert run("search", index, "id:0") == 0
    named = capsys.readouterr().out
    assert re.search(r"category +name +image", named)
    assert re.search(r"circle +Ball 2 +circle/2.png", named)
    assert run("search", shop / "i.dhx", "id:0") == 0
    assert re.search(r"category +image", capsys.readouterr().out)


def test_stdout_holds_only_json(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    capsys.readouterr()
    options = ("--task", "combined", "--want", "red,blue", "--without", "green", "--json")
    assert run("search", shop / "i.dhx", "id:0", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["conditions"] == {"red": True, "green": False, "blue": True}
    assert found["matched"] == len(found["hits"])


def test_match_option_and_search_without_a_query(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    options = ("--task", "attribute", "--match", "red, blue")
    assert run("search", shop / "i.dhx", "id:0", *options) == 0
    assert run("search", shop / "i.dhx", "--task", "attribute", "--without", "red") == 0
    assert "not red" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("id:0", "-k", "0"), "at least 1, not 0"),
        (("id:0", "-k", "2.5"), "Invalid value for -k: '2.5' is not a whole number"),
        (("id:0", "--radius", "2.5"), "'2.5' is not a whole number"),
        (("id:0", "--offset", "-1"), "`offset` must be at least 0, not -1"),
        (("id:99",), "no item with the id 99"),
        (("nothing.png",), "nothing.png does not exist"),
        ((), "category needs a query"),
        (("id:0", "--task", "combined", "--want", "rde"), "Did you mean 'red'"),
        (("7",), "7 does not exist. Write an id as id:7."),
        (("id:0", "--ids", "5"), "'5' are not of the form 100:200"),
        (("id:0", "--ids", "5:2"), "The ids 5:2 end before they begin"),
        (("id:0", "--ids", "a:5"), "'a:5' are not of the form 100:200"),
        (("id:0", "--want", "red", "--threshold", "1"), "`threshold` must be less than 1"),
        (
            ("id:0", "--want", "red", "--task", "combined", "--attribute-weight", "1"),
            "needs the task weighted",
        ),
        (("--want", "red", "--task", "weighted"), "weighted needs a query"),
        (("id:0", "--batch", "queries.txt"), "cannot be combined with"),
        (("--batch", "nowhere.txt"), "nowhere.txt cannot be read: No such file"),
        (("id:0", "--sheet", "found.doc"), "name a .png or .jpg file"),
        (("id:999", "--sheet", "nowhere/found.png"), "there is no folder nowhere"),
        (("id:999", "--sheet", "found.gif"), "found.gif cannot be drawn"),
    ],
)
def test_errors_are_printed_as_one_sentence(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
):
    create(shop)
    capsys.readouterr()
    assert run("search", shop / "i.dhx", *arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_an_index_is_replaced_only_with_the_option(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    assert create(shop) == 2
    assert "option `replace` replaces it" in capsys.readouterr().err
    assert create(shop, "--replace") == 0


@pytest.mark.parametrize(
    ("arguments", "task"),
    [
        (("id:0",), "category"),
        (("--want", "red"), "attribute"),
        (("id:0", "--match", "red"), "attribute"),
        (("id:0", "--want", "red"), "combined"),
        (("id:0", "--want", "red", "--task", "weighted"), "weighted"),
        (("id:0", "--want", "red", "--attribute-weight", "2.5"), "weighted"),
        (("id:0", "--want", "red", "--task", "posterior"), "posterior"),
        (("--category", "circle"), "posterior"),
    ],
)
def test_the_default_task_follows_from_the_options(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], task: str
):
    create(shop)
    capsys.readouterr()
    assert run("search", shop / "i.dhx", *arguments, "--json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["task"] == task
    assert captured.err == ""
    threshold = 0.7 if "--threshold" in arguments else 0.5
    assert set(found["thresholds"].values()) <= {threshold}
    weight = None if task != "weighted" else 2.5 if "2.5" in arguments else DEFAULT_ATTRIBUTE_WEIGHT
    assert found["attribute_weight"] == weight


def test_a_named_category_and_its_probability_are_shown(
    shop: Path, capsys: pytest.CaptureFixture[str]
):
    create(shop)
    capsys.readouterr()
    assert run("search", shop / "i.dhx", "--category", "circle", "--want", "red", "-k", "3") == 0
    table = capsys.readouterr().out
    assert "circle, red: the first 3 of 7, most probable first" in table
    assert re.search(r"category +circle +red +image", table)
    assert run("search", shop / "i.dhx", "id:0", "--task", "posterior", "-k", "3") == 0
    assert re.search(r"category +same kind +image", capsys.readouterr().out)
    assert run("search", shop / "i.dhx", "--category", "circel") == 2
    assert "There is no category 'circel'. Did you mean 'circle'" in capsys.readouterr().err


def test_a_range_of_ids(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    for given, expected in (("1:4", {1, 2, 3}), ("4:", {4, 5, 6}), (":2", {1}), ("9:", set())):
        capsys.readouterr()
        assert run("search", shop / "i.dhx", "id:0", "--ids", given, "--json") == 0
        assert {hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]} == expected


def test_offset_continues_an_earlier_search(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    later_ones = ("--offset", "2", "-k", "3")

    def output_of(*options: object) -> str:
        capsys.readouterr()
        assert run("search", shop / "i.dhx", "id:0", *options) == 0
        return capsys.readouterr().out

    first, later = (
        json.loads(output_of("--json", *options))["hits"] for options in ((), later_ones)
    )
    assert later == first[2:5]
    assert "3 to 5 of 6" in output_of(*later_ones)
    assert "nothing after the 6 that match" in output_of("--offset", "6")


def test_a_batch_answers_each_line(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    queries = shop / "queries.csv"
    queries.write_text("image,note\nimages/circle/0.png,first\n\nid:3,second\n")
    capsys.readouterr()
    assert run("search", shop / "i.dhx", "--batch", queries, "-k", "2", "--json") == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer.pop("line") for answer in answers] == [2, 4]
    alone = []
    for query in (shop / "images" / "circle" / "0.png", "id:3"):
        assert run("search", shop / "i.dhx", query, "-k", "2", "--json") == 0
        alone.append(json.loads(capsys.readouterr().out))
        assert alone[-1].pop("shortage") is None
    assert answers == alone
    assert run("search", shop / "i.dhx", "--batch", queries, "--want", "red") == 0
    printed = " ".join(capsys.readouterr().out.split())  # a long path breaks the title
    assert "queries.csv: Same kind, but red" in printed
    assert "id:3" in printed


def test_a_batch_skips_and_names_a_damaged_image(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    queries = shop / "queries.txt"
    queries.write_text("id:0\nimages/square/3.png\nid:77\nimages/square/0.png\n")
    capsys.readouterr()
    assert run("search", shop / "i.dhx", "--batch", queries, "--json") == 2
    captured = capsys.readouterr()
    answers = [json.loads(line) for line in captured.out.splitlines()]
    assert [answer["line"] for answer in answers] == [1, 2, 3, 4]
    assert ["hits" in answer for answer in answers] == [True, False, False, True]
    assert "3.png is not an image" in answers[1]["error"]
    assert "queries.txt line 2: The query cannot be used:" in captured.err
    assert "queries.txt line 3" in captured.err
    assert "2 of 4 queries could not be used" in captured.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"query\n\n", "has no queries"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b'"id:0\nid:1\n', "cannot be read: unexpected end of data"),
    ],
)
def test_batches_without_queries(
    shop: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
):
    create(shop)
    (shop / "queries.txt").write_bytes(content)
    capsys.readouterr()
    assert run("search", shop / "i.dhx", "--batch", shop / "queries.txt") == 2
    assert message in capsys.readouterr().err


def test_the_condition_that_excludes_most_is_named(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)

    def output_of(*arguments: object) -> str:
        capsys.readouterr()
        assert run("search", shop / "i.dhx", *arguments) == 0
        return capsys.readouterr().out

    images = shop / "images" / "circle" / "0.png"
    filters = ("--filter", "category=circle")
    assert "Without the filter category=circle, 6 images would match." in output_of(
        "id:0", *filters
    )
    assert "Without the filter category=circle, 7 images would match." in output_of(
        images, *filters
    )
    lonely = next(i for i in range(7) if "nothing matches" in output_of(f"id:{i}", "--radius", "0"))
    other = 0 if lonely else 1
    exclusive = ("--filter", "category=square", "--filter", f"image=circle/{other}.png")
    assert "the fewest images match the radius of 0" in output_of(
        f"id:{lonely}", *exclusive, "--radius", "0"
    )
    names = ("red", "green", "blue")
    wishes = {name: output_of("--task", "combined", "--want", name) for name in names}
    assert any(f"Without {name}, 7 images would match." in wishes[name] for name in names)
    assert "Without" not in output_of("id:0", "-k", "3")
    assert "Without" in output_of("id:0", *filters, "-k", "1", "--offset", "3")
    assert "Without" not in output_of("id:0")
    capsys.readouterr()
    assert run("search", shop / "i.dhx", "id:0", *filters, "--json") == 0
    assert json.loads(capsys.readouterr().out)["shortage"] == {
        "field": "filter",
        "value": "category=circle",
        "matched_without": 6,
    }


def test_help_explains_repeated_filters(capsys: pytest.CaptureFixture[str]):
    run("search", "--help")
    output = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--filter COLUMN=VALUE" in output
    assert "Use --filter once for each; a comma is part of the value" in output


def test_a_precision_that_is_not_reached_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    kept = Path(__file__).parents[1] / "formats" / "version-0.1-format-3"
    index = shutil.copytree(kept, tmp_path / "copy") / "shapes.dhx"
    search = ("search", index, "id:3", "--task", "combined", "--want", "red", "--precision")
    assert (run(*search, 0.9), run(*search, 0.95)) == (0, 2)
    printed = capsys.readouterr()
    assert "1 of 1 that match" in printed.out
    assert "The precision 0.95 is not reached for red: at most 0.9" in printed.err
