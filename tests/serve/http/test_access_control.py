from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dualhash.errors import DualhashError
from dualhash.serve.app import create_app
from dualhash.serve.http.middleware import COOKIE, host_name
from dualhash.serve.settings import Settings
from tests.serve.api_requests import SEARCH, refused

TOKEN = 'correct-horse;,"+%'

Serve = Callable[..., TestClient]


@pytest.fixture
def serve(shapes: Path) -> Iterator[Serve]:
    """Returns clients of servers with other settings."""
    opened: list[TestClient] = []

    def client(**settings: object) -> TestClient:
        app = create_app(shapes, settings=Settings(**{"rate": 0, **settings}))
        made = TestClient(app, base_url="http://localhost", follow_redirects=False)
        opened.append(made.__enter__())
        return made

    yield client
    for made in opened:
        made.__exit__(None, None, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "search.example.org", ""])
def test_a_public_host_needs_a_token_or_insecure(host: str):
    with pytest.raises(DualhashError, match=r"--token.*--insecure"):
        Settings(host=host)
    assert Settings(host=host, insecure=True).host == host
    assert Settings(host=host, token=TOKEN).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_loopback_host_needs_no_token(host: str):
    assert Settings(host=host).token is None


def test_an_empty_token_is_refused():
    with pytest.raises(DualhashError, match="token is empty"):
        Settings(token=" ")


@pytest.mark.parametrize("token", ["correct horse", "corr\u00e9ct", "a\n", "\u20ac", "a\x7f", " a"])
def test_a_token_with_unsendable_characters_is_refused(token: str):
    with pytest.raises(DualhashError, match=r"printable.*choose another"):
        Settings(token=token)


def test_each_port_has_its_own_cookie(serve: Serve):
    client = serve(token=TOKEN)
    cookies = [
        client.get(f"http://localhost:{port}/", params={"token": TOKEN}).headers["set-cookie"]
        for port in (8000, 8001)
    ]
    names = [cookie.partition("=")[0] for cookie in cookies]
    assert names == [f"{COOKIE}_8000", f"{COOKIE}_8001"]


def test_without_the_token_all_of_the_api_is_refused(serve: Serve):
    client = serve(token=TOKEN)
    addresses = ["/api/v1/items/0", "/api/v1/items/0/thumbnail", "/api/v1/stats", "/metrics"]
    addresses += ["/api/v1/openapi.json", "/api/v1/attributes", "/api/v1/samples", "/api/v1/none"]
    for address in addresses:
        answered = client.get(address)
        refused(answered, 401, "token-needed")
        assert answered.headers["www-authenticate"] == "Bearer"
    refused(client.post(SEARCH, json={"id": 1}), 401, "token-needed")
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "shown", ["Bearer wrong", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer corréct"]
)
def test_a_wrong_token_is_refused(serve: Serve, shown: str):
    client = serve(token=TOKEN)
    answered = client.get("/api/v1/stats", headers={"Authorization": shown.encode()})
    refused(answered, 401, "token-needed")


def test_the_token_is_accepted_in_the_authorization_header(serve: Serve):
    client = serve(token=TOKEN)
    for shown in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
        answered = client.get("/api/v1/stats", headers={"Authorization": shown})
        assert answered.status_code == 200


def test_a_token_in_the_address_becomes_a_cookie(serve: Serve):
    client = serve(token=TOKEN)
    refused(client.get("/?token=wrong"), 401, "token-needed")
    welcome = client.get("/", params={"id": 3, "token": TOKEN})
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/?id=3")
    cookie = welcome.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/api/v1/stats").status_code == 200
    client.cookies.clear()
    client.cookies.set(f"{COOKIE}_80", "wrong")
    refused(client.get("/api/v1/stats"), 401, "token-needed")


def test_the_redirect_stays_on_this_server(serve: Serve):
    client = serve(token=TOKEN)
    welcome = client.get("http://localhost//evil.example/", params={"token": TOKEN})
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/evil.example/")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io", "evil.example:8000"]
)
def test_unknown_host_names_are_refused(serve: Serve, host: str):
    answered = serve().get("/api/v1/stats", headers={"Host": host})
    refused(answered, 400, "unknown-host")


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1", "192.168.1.7:80", "[::1]:8000", "Shop.Example:8000"]
)
def test_own_host_names_and_ip_addresses_are_accepted(serve: Serve, host: str):
    client = serve(trusted_hosts=("shop.example",))
    assert client.get("/api/v1/stats", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "name"),
    [("A.b:80", "a.b"), ("[::1]:80", "::1"), ("a.", "a"), ("[::1", "::1"), ("", "")],
)
def test_host_name_strips_the_port(host: str, name: str):
    assert host_name(host) == name


def test_requests_above_the_rate_are_refused(serve: Serve):
    client = serve(rate=0.001, burst=3)
    statuses = [client.get("/api/v1/stats").status_code for _ in range(3)]
    assert statuses == [200, 200, 200]
    answered = client.post(SEARCH, json={"id": 1})
    refused(answered, 429, "too-many-requests")
    assert int(answered.headers["retry-after"]) >= 1
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("address", ["/", "/api/v1/stats", "/healthz", "/none", "/api/v1/items/0"])
def test_every_response_has_security_headers(serve: Serve, address: str):
    client = serve(token=TOKEN)
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_an_internal_error_has_security_headers(shapes: Path, monkeypatch: pytest.MonkeyPatch):
    app = create_app(shapes, settings=Settings(rate=0))
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        monkeypatch.setattr(app.state.service, "stats", None)
        answered = client.get("/api/v1/stats")
        refused(answered, 500, "failed")
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answered.headers["content-security-policy"]


def test_cors_is_limited_to_the_named_origins(serve: Serve):
    origin = {"Origin": "https://shop.example"}
    assert "access-control-allow-origin" not in serve().get("/api/v1/stats", headers=origin).headers
    client = serve(cors_origins=("https://shop.example",), token=TOKEN)
    preflight = client.options(
        SEARCH,
        headers={
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert preflight.status_code == 200
    shown = {**origin, "Authorization": f"Bearer {TOKEN}"}
    allowed = client.get("/api/v1/stats", headers=shown).headers
    assert allowed["access-control-allow-origin"] == origin["Origin"]
    other = client.get("/api/v1/stats", headers={**shown, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
