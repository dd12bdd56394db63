import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from starlette.datastructures import Address, Headers
from starlette.testclient import TestClient

from dualhash.search import Index
from dualhash.serve.app import create_app
from dualhash.serve.http.body import BodyReader
from dualhash.serve.http.errors import ProblemError
from dualhash.serve.settings import Settings
from tests.serve.api_requests import refused
from tests.serve.hostile_uploads import FORMATS, ODD, UPLOADS, image
from tests.serve.server_process import SEARCH, Live, serving


class OtherClient:
    """A second client that searches all the time, and the statuses of its responses."""

    def __init__(self, live: Live) -> None:
        self.statuses: list[int] = []
        self._stop = Event()
        self._thread = Thread(target=self._ask, args=(live,))

    def _ask(self, live: Live) -> None:
        with live.client() as client:
            while not self._stop.is_set():
                self.statuses.append(client.post(SEARCH, json={"id": 1}).status_code)

    def __enter__(self) -> "OtherClient":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def live(shapes: Path) -> Iterator[Live]:
    with serving(shapes) as server:
        yield server


@pytest.fixture(scope="module")
def other_client(live: Live) -> Iterator[OtherClient]:
    with OtherClient(live) as other:
        yield other
    assert set(other.statuses) == {200}


@pytest.mark.parametrize("name", UPLOADS)
def test_hostile_uploads_are_refused_while_others_are_answered(
    live: Live, other_client: OtherClient, name: str
):
    hostile = UPLOADS[name]
    before = len(other_client.statuses)
    with live.client() as client:
        answered = client.post(SEARCH, files={"image": ("photo.jpg", hostile.content())})
        message = refused(answered, hostile.status, hostile.kind)
        assert message.endswith(".")
        assert client.post(SEARCH, json={"id": 1}).status_code == 200
    assert len(other_client.statuses) >= before


@pytest.mark.parametrize("name", ODD)
def test_odd_images_are_accepted(client: TestClient, name: str):
    answered = client.post(SEARCH, files={"image": ("photo.jpg", ODD[name]())})
    assert answered.status_code == 200
    assert b"script" not in answered.content


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "..\\..\\windows\\win.ini",
        "/etc/passwd",
        "a" * 5000,
        "photo.jpg\0.php",
        "<script>.png",
        "CON",
        "",
    ],
)
def test_the_file_name_of_an_upload_is_ignored(client: TestClient, index: Index, name: str):
    """Some names are not valid in multipart; all others give the same results."""
    content = Path(index.item(4).image).read_bytes()
    usual = client.post(SEARCH, files={"image": ("a.png", content)}).json()
    answered = client.post(SEARCH, files={"image": (name, content)})
    if answered.status_code == 200:
        assert answered.json()["hits"] == usual["hits"]
    else:
        refused(answered, 400, "bad-request")


@pytest.mark.parametrize("kind", FORMATS)
def test_all_formats_are_accepted_under_any_name(client: TestClient, kind: str):
    files = {"image": ("notes.txt", image(kind), "text/plain")}
    assert client.post(SEARCH, files=files).status_code == 200


def test_the_exif_orientation_is_applied(tmp_path: Path, client: TestClient, index: Index):
    from PIL import Image

    plain = Image.new("RGB", (40, 40), "red")
    plain.paste("blue", (0, 0, 40, 20))
    turned = plain.rotate(90)
    exif = Image.Exif()
    exif[0x0112] = 6
    paths = [tmp_path / "plain.png", tmp_path / "turned.png"]
    plain.save(paths[0])
    turned.save(paths[1], exif=exif)
    codes = []
    for path in paths:
        answered = client.post(SEARCH, files={"image": ("a.png", path.read_bytes())}).json()
        expected = index.search(path, k=1).query.code.tobytes().hex()
        assert answered["query"]["code"] == expected
        codes.append(answered["query"]["code"])
    assert codes[0] == codes[1]


def test_an_image_and_an_id_together_are_refused(client: TestClient):
    answered = client.post(
        SEARCH, files={"image": ("a.png", image("PNG"))}, data={"search": '{"id": 1}'}
    )
    assert "not several" in refused(answered, 422, "invalid-request")


BOUNDARY = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x--"),
        (BOUNDARY, b""),
        (BOUNDARY, b"--y\r\n"),
        (BOUNDARY, b"--x\r\n\r\nno header\r\n--x--"),
        (BOUNDARY, PART % b"a" + b"--x--\r\n"),
        (BOUNDARY, PART % b"image" + b"--x--\r\n"),
        (BOUNDARY, PART % b'search"; filename="a' + b"--x--\r\n"),
        (BOUNDARY, b"--x\r\nA: " + b"b" * 1_000_000),
        (BOUNDARY, b"--x\r\n" + b"A: b\r\n" * 100_000),
        (BOUNDARY, PART % b"a" * 100 + b"--x--\r\n"),
        (BOUNDARY, PART.replace(b"1", b"\xff") % b"image\"; filename*=\"utf-8''a" + b"--x--\r\n"),
    ],
    ids=range(11),
)
def test_malformed_multipart_is_refused(client: TestClient, kind: str, body: bytes):
    refused(client.post(SEARCH, content=body, headers={"Content-Type": kind}), 400, "bad-request")


@pytest.fixture(scope="module")
def strict_client(shapes: Path) -> Iterator[TestClient]:
    """A client of a server with low limits."""
    settings = Settings(
        rate=0,
        upload_bytes=100_000,
        max_pixels=10_000,
        decode_seconds=0.000001,
        decoder_processes=1,
    )
    with TestClient(create_app(shapes, settings=settings), base_url="http://localhost") as opened:
        yield opened


def test_a_declared_length_above_the_limit_is_refused_unread(strict_client: TestClient):
    def body() -> Iterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    answered = strict_client.post(
        SEARCH, content=body(), headers={"Content-Type": BOUNDARY, "Content-Length": "999999999"}
    )
    assert "larger than" in refused(answered, 413, "upload-too-large")


def test_a_body_without_length_is_counted(live: Live):
    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(1 << 20)

    with live.client() as client:
        answered = client.post(SEARCH, content=body(), headers={"Content-Type": BOUNDARY})
        refused(answered, 413, "upload-too-large")


def test_a_long_json_search_is_refused(client: TestClient):
    answered = client.post(
        SEARCH,
        content=json.dumps({"want": ["a" * 300_000]}),
        headers={"Content-Type": "application/json"},
    )
    refused(answered, 413, "upload-too-large")


def test_decoders_start_before_the_first_upload(shapes: Path, monkeypatch: pytest.MonkeyPatch):
    def start(*_: object, **__: object) -> None:
        raise AssertionError("it was started late")

    app = create_app(shapes, settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr("asyncio.create_subprocess_exec", start)
        assert client.post(SEARCH, files={"image": ("a.png", image("PNG"))}).status_code == 200


def test_decoding_has_a_time_limit(strict_client: TestClient):
    answered = strict_client.post(SEARCH, files={"image": ("a.png", image("PNG"))})
    assert "too long" in refused(answered, 422, "image-too-costly")


def test_decoding_has_a_memory_limit(shapes: Path):
    settings = Settings(rate=0, decode_bytes=400 << 20)
    with TestClient(create_app(shapes, settings=settings), base_url="http://localhost") as client:
        large = image("PNG", (6000, 6000))
        answered = client.post(SEARCH, files={"image": ("a.png", large)})
        assert "too much memory" in refused(answered, 422, "image-too-costly")
        assert client.post(SEARCH, files={"image": ("a.png", image("PNG"))}).status_code == 200


def test_uploads_share_a_memory_limit(shapes: Path):
    settings = Settings(rate=0, total_upload_bytes=1000)
    app = create_app(shapes, settings=settings)
    with TestClient(app, base_url="http://localhost") as client:
        answered = client.post(SEARCH, files={"image": ("a.png", image("PNG"))})
        refused(answered, 503, "busy")
        assert answered.headers["retry-after"]
        assert client.post(SEARCH, json={"id": 1}).status_code == 200
        assert app.state.service.body_reader.upload_bytes == 0


def test_json_searches_do_not_count_as_uploads(shapes: Path):
    app = create_app(shapes, settings=Settings(rate=0, total_upload_bytes=0))
    with TestClient(app, base_url="http://localhost") as client:
        refused(client.post(SEARCH, files={"image": ("a.png", image("PNG"))}), 503, "busy")
        assert client.post(SEARCH, json={"id": 1}).status_code == 200


@pytest.mark.parametrize(
    "charset",
    ["undefined", "utf-7", "unicode_escape", "idna", "punycode", "utf-16", "zlib", "none", ""],
)
def test_the_charset_of_an_upload_is_ignored(client: TestClient, index: Index, charset: str):
    content = Path(index.item(4).image).read_bytes()
    search = b'--x\r\nContent-Disposition: form-data; name="search"\r\n\r\n{"k": 3}\r\n'
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    answered = client.post(
        SEARCH,
        content=search + part + content + b"\r\n--x--\r\n",
        headers={"Content-Type": f"{BOUNDARY}; charset={charset}"},
    )
    assert (answered.status_code, len(answered.json()["hits"])) == (200, 3)


def test_a_search_must_be_utf_8(client: TestClient):
    search = b'--x\r\nContent-Disposition: form-data; name="search"\r\n\r\n{"want": ["\xe9"]}\r\n'
    answered = client.post(
        SEARCH, content=search + b"--x--\r\n", headers={"Content-Type": BOUNDARY}
    )
    assert "UTF-8" in refused(answered, 400, "bad-request")


@pytest.mark.parametrize("boundary", ['""', "x" * 71, '"a\\"b"', '"a "', "\u00e9"])
def test_malformed_boundaries_are_refused(client: TestClient, boundary: str):
    kind = f"multipart/form-data; boundary={boundary}".encode("latin-1")
    answered = client.post(SEARCH, content=b"--x--", headers={"Content-Type": kind})
    assert "boundary" in refused(answered, 400, "bad-request")


class Upload:
    """The body of a request that arrives by a simulated clock."""

    def __init__(self, chunks: Iterable[tuple[float, bytes]]) -> None:
        self._chunks = iter(chunks)
        self.headers = Headers({"Content-Type": BOUNDARY})
        self.client = Address("10.0.0.1", 1)

    async def stream(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        for pause, chunk in self._chunks:
            await advance_clock(loop, pause)
            yield chunk


async def advance_clock(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Advances the clock of the loop without waiting."""
    usual, start = loop.time, loop.time()
    loop.time = lambda: usual() + seconds  # type: ignore[method-assign]
    assert loop.time() >= start + seconds
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("pauses", "length", "slow"),
    [
        ([4.0] * 10, 64 * 1024 * 4, False),
        ([9.0, 9.0, 0.0], 64 * 1024 * 9, False),
        ([4.0] * 10, 64 * 1024, True),
        ([0.0, 11.0], 1 << 20, True),
        ([0.0] * 15 + [9.0, 9.0], 1 << 10, True),
        ([9.0] * 7, 1 << 20, True),
    ],
    ids=["steady", "pauses", "trickle", "stops", "stops later", "long"],
)
def test_slow_uploads_are_aborted(pauses: list[float], length: int, slow: bool):
    async def scenario() -> None:
        reader = BodyReader(Settings())
        upload = Upload((pause, bytes(length)) for pause in pauses)
        chunks = reader._chunks(upload, 1 << 30)
        received = sum([len(chunk) async for chunk in chunks])
        assert received == len(pauses) * length

    if slow:
        with pytest.raises(ProblemError, match="too long"):
            asyncio.run(scenario())
    else:
        asyncio.run(scenario())


def test_uploads_are_limited_per_client():
    async def scenario() -> None:
        reader, go = BodyReader(Settings(uploads_per_client=2)), asyncio.Event()
        begun: list[str] = []

        class Waiting(Upload):
            async def stream(self) -> AsyncIterator[bytes]:
                begun.append(self.client.host)
                await go.wait()
                yield b"--x--"

        async def send(host: str) -> None:
            upload = Waiting([])
            upload.client = Address(host, 1)
            with contextlib.suppress(ProblemError):
                async with reader.search(upload):
                    pass

        tasks = [asyncio.create_task(send(host)) for host in "aaaab"]
        for _ in range(5):
            await asyncio.sleep(0)
        assert sorted(begun) == ["a", "a", "b"]
        go.set()
        await asyncio.gather(*tasks)
        assert sorted(begun) == ["a", "a", "a", "a", "b"]
        assert (reader.upload_bytes, len(reader._queues)) == (0, 0)

    asyncio.run(scenario())
