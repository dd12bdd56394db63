import re
from pathlib import Path

from dualhash.catalogue.catalogue import LabelNames
from dualhash.catalogue.check_labels import (
    check_labels,
    facets_without_attribute,
    training_refusals,
)
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.read_catalogue import read_catalogue


def label_problems(folder: Path, header: str, *rows: str) -> list[tuple[str, str]]:
    """The problems of labels in a table whose attributes are all columns that begin with a_."""
    for i in range(len(rows)):
        (folder / f"{i}.png").touch()
    lines = [f"image,{header}", *(f"{i}.png,{row}" for i, row in enumerate(rows))]
    (folder / "t.csv").write_text("\n".join(lines))
    attributes = tuple(name for name in header.split(",") if name.startswith("a_"))
    catalogue = read_catalogue(folder / "t.csv", Columns(attributes=attributes))
    problems = check_labels(catalogue)
    assert catalogue.problems[-len(problems) :] == problems
    assert not any(problem.fatal for problem in problems)
    return [(problem.location, problem.message) for problem in problems]


def test_a_category_with_one_image_is_listed(tmp_path: Path):
    problems = label_problems(tmp_path, "category,subset", "a,test", ",test", "b,test", "a,test")
    assert problems == [("t.csv row 3", "category 'b' has one image")]


def test_constant_and_empty_attributes_are_listed(tmp_path: Path):
    problems = label_problems(
        tmp_path,
        "a_fine,a_never,a_always,a_unknown,subset",
        "1,0,1,,train-both",
        "0,0,1,,train-attribute",
        "1,1,0,1,test",
        "1,1,0,0,train-category",
    )
    assert problems == [
        ("t.csv", "attribute 'a_never' is never present in the training subsets"),
        ("t.csv", "attribute 'a_always' is never absent in the training subsets"),
        ("t.csv", "attribute 'a_unknown' is never labelled in the training subsets"),
    ]


def test_without_training_subsets_all_labels_are_checked(tmp_path: Path):
    problems = label_problems(tmp_path, "a_fine,a_never,subset", "1,0,test", "0,0,")
    assert problems == [("t.csv", "attribute 'a_never' is never present")]


def test_facets_without_attributes_are_listed(tmp_path: Path):
    rows = []
    for i, colour in enumerate(("red", "red", "blue")):
        (tmp_path / f"{i}.png").touch()
        rows.append(f"{i}.png,{colour},")
    table = tmp_path / "colours.csv"
    table.write_text("\n".join(["image,colour,empty", *rows]))

    def messages(facet: str, least: int, like: LabelNames | None = None) -> list[str]:
        columns = Columns(facets=(facet,), min_positives=least)
        return facets_without_attribute(read_catalogue(table, columns, like=like))

    assert messages("colour", 3) == [
        "The facet 'colour' gives no attribute: no value has at least 3 images; most common: "
        "'red' (2), 'blue' (1). Lower --min-positives, or leave it out."
    ]
    assert messages("empty", 1) == [
        "The facet 'empty' gives no attribute: its column is empty; leave it out."
    ]
    assert messages("colour", 2) == []
    assert messages("colour", 3, LabelNames((), ("colour=red",))) == []


def test_refusals_list_the_worst_cause_first(tmp_path: Path):
    (tmp_path / "0.png").touch()
    (tmp_path / "t.csv").write_text("image,colour\n0.png,red\n1.png,red\n2.png,red\n")
    catalogue = read_catalogue(tmp_path / "t.csv", Columns(facets=("colour",), min_positives=3))
    left_out, facet, no_images = training_refusals(catalogue)
    assert left_out.startswith("2 of 3 images were left out, such as t.csv row 2: the image 1.png")
    assert "has no images to train on" in no_images
    assert facet.startswith("The facet 'colour' gives no attribute")


def test_a_table_without_categories_is_listed(tmp_path: Path):
    (tmp_path / "a.png").touch()
    table = tmp_path / "t.csv"
    table.write_text("image,red\na.png,1\n")
    columns = Columns(attributes=("red",))
    for names, count in ((("cap", "hat"), 1), ((), 0)):
        remarks = read_catalogue(table, columns, like=LabelNames(names, ("red",))).remarks
        assert sum("no row has a category" in remark for remark in remarks) == count


def test_labels_unknown_to_the_model_are_listed(tmp_path: Path):
    for name in "abc":
        (tmp_path / f"{name}.png").touch()
    table = tmp_path / "t.csv"
    table.write_text("image,category,red,new,size\na.png,hat,1,1,s\nb.png,cap,0,1,m\nc.png,,,,\n")
    columns = Columns(attributes=("red", "new"), facets=("size",), min_positives=1)
    for like, expected in (
        (LabelNames(("cap", "hat"), ("red", "new", "size=s")), []),
        (
            LabelNames(("cap", "bag"), ("red", "old")),
            [
                "not trained on 1 of 2 categories: 'hat'",
                "not trained on 1 of 2 attribute columns: 'new'; their labels are ignored",
                "not trained on 1 of 1 facet columns: 'size'; their values are ignored",
            ],
        ),
        (
            LabelNames(("cap", "hat"), ("old",)),
            ["2 of 2 attribute columns", "1 of 1 facet", "no row has a label for .*: 'old'"],
        ),
    ):
        remarks = read_catalogue(table, columns, like=like).remarks
        about_model = [remark for remark in remarks if "the model" in remark]
        assert len(about_model) == len(expected)
        for remark, pattern in zip(about_model, expected, strict=True):
            assert re.search(pattern, remark)
