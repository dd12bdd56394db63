"""X-Forwarded-For is used only if a named proxy sends it."""

from pathlib import Path

import pytest

from tests.serve.server_process import serving


@pytest.mark.parametrize(
    ("proxies", "last"), [((), 429), (("192.0.2.1",), 429), (("127.0.0.1",), 200)]
)
def test_forwarded_addresses_count_only_from_a_trusted_proxy(
    shapes: Path, monkeypatch: pytest.MonkeyPatch, proxies: tuple[str, ...], last: int
):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with (
        serving(shapes, rate=0.001, burst=2, proxies=proxies) as live,
        live.client() as client,
    ):
        seen = [
            client.get("/icon.svg", headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
            for number in range(3)
        ]
    assert seen == [200, 200, last]
