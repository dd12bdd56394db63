"""A server of an index whose model takes vectors, and the library and command line as clients."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

from dualhash.catalogue.catalogue import Catalogue
from dualhash.cli.app import main
from dualhash.errors import DualhashError
from dualhash.search import Index, build_index
from dualhash.search.remote.messages import LONGEST_VECTOR
from dualhash.serve.app import create_app
from dualhash.serve.http.body import JSON_BYTES
from dualhash.serve.settings import Settings
from tests import vector_table
from tests.builders import colour_image, vector_model
from tests.serve.api_requests import SEARCH, ask, ids, refused
from tests.serve.server_process import serving
from tests.vector_table import LENGTH, ROWS, vectors


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 60 vectors without images."""
    folder = tmp_path_factory.mktemp("products")
    path = vector_table.write_csv(folder / "products.csv")
    catalogue = Catalogue.read(path, features=folder / "vectors.npy")
    model = vector_model(folder / "model", LENGTH, category_names=("bag", "hat", "shoe"))
    build_index(model, catalogue, folder / "products.dhx")
    return folder / "products.dhx"


@pytest.fixture(scope="module")
def client_of_vectors(products: Path) -> Iterator[TestClient]:
    app = create_app(products, settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as opened:
        yield opened


def test_a_vector_finds_what_the_library_finds(client_of_vectors: TestClient, products: Path):
    answer = ask(client_of_vectors, vector=vectors()[4].tolist(), k=7)
    with Index.open(products) as index:
        expected = index.search(vectors()[4], k=7)
        assert ids(answer) == [hit.id for hit in expected]
    assert answer["query"]["id"] is None
    assert answer["hits"][0]["distance"] == 0
    assert answer["hits"][0]["file_name"].startswith("products.csv#")


def test_vectors_and_uploads_that_cannot_be_used(client_of_vectors: TestClient, tmp_path: Path):
    post = client_of_vectors.post
    short = refused(post(SEARCH, json={"vector": [1.0, 2.0]}), 422, "query-refused")
    assert "The vector has 2 values, not 16" in short
    huge = refused(post(SEARCH, json={"vector": [1e300] * LENGTH}), 422, "query-refused")
    assert "holds NaN or infinity" in huge
    for wrong in ([float("nan")] * LENGTH, ["1"] * LENGTH, [0.5] * (LONGEST_VECTOR + 1)):
        refused(post(SEARCH, content=json.dumps({"vector": wrong}), headers=JSON), 422, INVALID)
    both = refused(post(SEARCH, json={"vector": [0.0] * LENGTH, "id": 3}), 422, INVALID)
    assert "Send an id, a code or a vector, not several" in both
    image = {"image": ("a.png", colour_image(tmp_path / "a.png", (1, 2, 3)).read_bytes())}
    assert "takes vectors, not images" in refused(post(SEARCH, files=image), 422, "query-refused")
    vector = {"search": json.dumps({"vector": [0.0] * LENGTH})}
    refused(post(SEARCH, files=image, data=vector), 422, INVALID)


JSON = {"Content-Type": "application/json"}
INVALID = "invalid-request"


def test_the_longest_vector_fits_into_a_request():
    values = np.random.default_rng(0).standard_normal(LONGEST_VECTOR).astype(np.float32)
    assert len(json.dumps({"vector": values.tolist()})) < JSON_BYTES


def test_the_statistics_name_the_length(client_of_vectors: TestClient, client: TestClient):
    stats = client_of_vectors.get("/api/v1/stats").json()
    assert (stats["images"], stats["vector_length"]) == (False, LENGTH)
    assert client.get("/api/v1/stats").json()["vector_length"] is None


def test_a_model_of_images_refuses_vectors(client: TestClient, index: Index):
    answer = client.post(SEARCH, json={"vector": [1.0, 2.0]})
    assert "takes images, not vectors" in refused(answer, 422, "query-refused")
    with pytest.raises(DualhashError, match="takes images, not vectors"):
        index.model.encode_vectors(vectors())


def test_a_remote_index_takes_vectors(products: Path, tmp_path: Path):
    np.save(tmp_path / "query.npy", vectors()[4])
    with serving(products) as live, Index.open(live.address) as there:
        with Index.open(products) as here:
            expected = [hit.id for hit in here.search(vectors()[4])]
        for query in (vectors()[4], vectors()[4:5].astype(np.float32)[0], tmp_path / "query.npy"):
            assert [hit.id for hit in there.search(query)] == expected
        with pytest.raises(DualhashError, match="The vector has 3 values, not 16"):
            there.search(vectors()[4][:3])


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return left.value.code, printed.out, printed.err


def test_the_command_line_searches_by_a_vector(
    products: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    np.save(tmp_path / "query.npy", vectors()[4])
    np.save(tmp_path / "wide.npy", vectors()[4].astype(np.float64))
    code, out, _ = run(capsys, "search", products, tmp_path / "query.npy", "--json")
    assert code == 0
    assert json.loads(out)["hits"][0]["distance"] == 0
    (tmp_path / "queries.txt").write_text("query.npy\nid:3\n")
    code, out, _ = run(capsys, "search", products, "--batch", tmp_path / "queries.txt", "--json")
    assert code == 0
    assert len(out.splitlines()) == 2
    code, _, err = run(capsys, "search", products, tmp_path / "wide.npy")
    assert code != 0
    assert "float64, not float16 or float32" in err


def test_the_command_line_names_what_is_missing(
    products: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = products.parent
    create = ("index", "create", folder / "model", folder / "products.csv", "--out")
    code, _, err = run(capsys, *create, tmp_path / "i.dhx")
    assert code != 0
    assert "takes vectors of 16 values: name their column with --features-column" in err
    np.save(tmp_path / "few.npy", vectors()[:9])
    code, _, err = run(capsys, *create, tmp_path / "i.dhx", "--features", tmp_path / "few.npy")
    assert code != 0
    assert f"has 9 vectors, but {folder / 'products.csv'} has {ROWS} rows" in " ".join(err.split())
    np.save(tmp_path / "short.npy", vectors()[:, :9])
    code, _, err = run(capsys, *create, tmp_path / "i.dhx", "--features", tmp_path / "short.npy")
    assert code != 0
    assert "row 1: the vector has 9 values, not 16" in " ".join(err.split())
    assert not (tmp_path / "i.dhx").exists()
    both = ("--features", folder / "vectors.npy", "--features-column", "embedding")
    code, _, err = run(capsys, *create, tmp_path / "i.dhx", *both)
    assert code != 0
    assert "Give --features or --features-column, not both" in err
    code, out, _ = run(capsys, *create, tmp_path / "i.dhx", *both[:2])
    assert code == 0
    assert f"{ROWS} images" in out


def test_the_other_commands_take_vectors(
    products: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = products.parent
    table, features = folder / "products.csv", ("--features", folder / "vectors.npy")
    binary = ("red", "green", "blue")
    labels = pl.read_csv(table)
    for name in binary:
        labels = labels.with_columns((pl.col("colour") == name).cast(pl.Int8).alias(name))
    labels.write_csv(tmp_path / "labels.csv")
    columns = ("--attribute-columns", ",".join(binary))
    model, given = folder / "model", (tmp_path / "labels.csv", *features, *columns)
    code, out, _ = run(capsys, "evaluate", model, *given, "--bootstrap", "0")
    assert code == 0
    assert "category mAP" in out
    code, _, _ = run(capsys, "codes", "export", model, *given, "--out", tmp_path / "dat")
    assert code == 0
    assert (tmp_path / "dat" / "code.dat").stat().st_size == 12 * 16 * 4
    code, out, _ = run(capsys, "analyse", model, *given, "--out", tmp_path / "analysis")
    assert code == 0


def test_rows_that_are_in_the_index_are_not_added_again(
    products: Path, capsys: pytest.CaptureFixture[str]
):
    table, features = products.parent / "products.csv", products.parent / "vectors.npy"
    code, out, _ = run(capsys, "index", "add", products, table, "--features", features)
    assert code == 0
    shown, summary, _ = run(capsys, "catalogue", "show", table, "--features", features)
    assert (shown, f"{ROWS} images" in summary) == (0, True)
    assert f"0 images added, {ROWS} already in the index" in out
