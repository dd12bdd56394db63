"""Names of places, as users write them."""

from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.client import parse_address
from dualhash.search.remote.push import default_name


@pytest.mark.parametrize(
    ("text", "server", "collection", "uri"),
    [
        ("http://host:19530", "http://host:19530", None, "milvus://host:19530"),
        ("http://host:9/shop", "http://host:9", "shop", "milvus://host:9/shop"),
        ("milvus://host/shop/", "http://host:19530", "shop", "milvus://host:19530/shop"),
        ("https://host", "https://host:19530", None, "milvus+https://host:19530"),
        ("milvus+https://h:443/a_1", "https://h:443", "a_1", "milvus+https://h:443/a_1"),
        ("shop.db", "shop.db", None, "milvus:shop.db"),
        ("milvus:a/shop.db", "a/shop.db", None, "milvus:a/shop.db"),
        ("milvus:a/shop.db/hats", "a/shop.db", "hats", "milvus:a/shop.db/hats"),
        ("/a/shop.db", "/a/shop.db", None, "milvus:///a/shop.db"),
        ("milvus:///a/shop.db/hats", "/a/shop.db", "hats", "milvus:///a/shop.db/hats"),
        ("milvus:///a.db/b/c.db", "/a.db/b/c.db", None, "milvus:///a.db/b/c.db"),
    ],
)
def test_addresses_are_parsed(text: str, server: str, collection: str | None, uri: str):
    place = parse_address(text)
    assert (place.server, place.collection) == (server, collection)
    assert (place.file is None) == ("://" in server)
    assert str(place) == uri
    assert parse_address(uri) == place


@pytest.mark.parametrize(
    "text", ["", "host:19530", "shop.dhx", "ftp://host/x", "milvus://h:p/x", "http://h:70000"]
)
def test_invalid_addresses_are_refused(text: str):
    with pytest.raises(
        DualhashError, match=r"is not the address of a Milvus server\. Write http://host:19530"
    ):
        parse_address(text)


@pytest.mark.parametrize("text", ["http://host/a-b", "http://host/a/b", "x.db/1a"])
def test_invalid_collection_names_are_refused(text: str):
    with pytest.raises(DualhashError, match="only letters, digits and underscores"):
        parse_address(text)


@pytest.mark.parametrize(
    ("file", "name"), [("a/shop.dhx", "shop"), ("2024-é.dhx", "_2024__"), ("x.y.dhx", "x_y")]
)
def test_collections_have_the_name_of_the_file(file: str, name: str):
    assert default_name(Path(file)) == name
