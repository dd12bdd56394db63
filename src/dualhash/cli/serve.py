"""`dualhash serve`: an index behind HTTP, with a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from dualhash.cli import output
from dualhash.cli.options import Names
from dualhash.errors import DualhashError

EXTRA = ("fastapi", "httptools", "starlette", "uvicorn", "prometheus_client", "python_multipart")

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))]
Switch = Annotated[bool, Parameter(negative=())]


def serve(
    index: Path,
    /,
    *,
    host: str = "127.0.0.1",
    port: Port = 8000,
    token: Annotated[str | None, Parameter(env_var="DUALHASH_TOKEN")] = None,
    insecure: Switch = False,
    trusted_host: Names = (),
    proxy: Names = (),
    cors_origin: Names = (),
    rate: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 100.0,
    grace: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 10,
    model: Path | None = None,
) -> None:
    """Serve an index: a page to search by eye, and the API behind it.

    Only this machine can reach it unless another address is given. When another index takes the
    file's place it is picked up by itself. Ctrl-C and SIGTERM stop the server after the requests
    under way.

    Args:
        index: An index file.
        host: Address to listen on, such as 0.0.0.0 for all of this machine's; other machines can
            only be let in with --token or --insecure.
        port: Port to listen on; 0 takes a free one.
        token: What clients must show; best set as DUALHASH_TOKEN, where others cannot read it.
        insecure: Let everybody in who reaches the address.
        trusted_host: Names by which this server is called, as search.example.org; its addresses
            and localhost need not be named.
        proxy: Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, as
            127.0.0.1; without one they are ignored.
        cors_origin: Origins of other pages that may use the API, as https://example.org.
        rate: Requests a second that one client may make on average; 0 for any number.
        grace: Seconds that requests in progress may take when the server is stopped.
        model: The model folder, where it is not where it was when the index was made.
    """
    run_server(
        index,
        model,
        host=host,
        port=port,
        token=token,
        insecure=insecure,
        trusted_hosts=trusted_host,
        proxies=proxy,
        cors_origins=cors_origin,
        rate=rate,
        grace_seconds=grace,
    )


def run_server(index: Path, model: Path | None = None, **settings: object) -> None:
    """Serves until it is stopped, and says how.

    Raises:
        DualhashError: The index cannot be served, or the extra `serve` is not installed.
    """
    try:
        from dualhash.serve.server import run
        from dualhash.serve.settings import Settings
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in EXTRA:
            raise
        raise DualhashError(
            f"Serving needs the package {error.name}: pip install 'dualhash[serve]'."
        ) from error
    run(
        index,
        Settings(**settings),  # type: ignore[arg-type]
        model,
        ready=lambda address: output.say(f"Serving {index} at {address}\nStop it with Ctrl-C."),
    )
    output.say("Stopped.")
