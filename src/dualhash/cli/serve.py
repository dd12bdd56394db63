"""`dualhash serve`: an index over HTTP, with a search page."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from dualhash.cli import output
from dualhash.cli.options import Flag, Names, Whole
from dualhash.errors import DualhashError

EXTRA = ("fastapi", "httptools", "starlette", "uvicorn", "prometheus_client", "python_multipart")

Port = Annotated[Whole, Parameter(validator=validators.Number(gte=0, lte=65535))]


def serve(
    index: Path,
    /,
    *,
    host: str = "127.0.0.1",
    port: Port = 8000,
    token: Annotated[str | None, Parameter(env_var="DUALHASH_TOKEN")] = None,
    insecure: Flag = False,
    trusted_host: Names = (),
    proxy: Names = (),
    cors_origin: Names = (),
    rate: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 100.0,
    grace: Annotated[Whole, Parameter(validator=validators.Number(gte=0))] = 10,
    model: Path | None = None,
) -> None:
    """Serve an index over HTTP: a search page and a JSON API.

    By default only this machine can reach the server. If the index file is replaced, the server
    loads the new one. After Ctrl-C or SIGTERM, requests in progress are finished first.

    Args:
        index: An index file.
        host: Address to listen on, such as 0.0.0.0 for all addresses of this machine. An address
            that other machines can reach needs --token or --insecure.
        port: Port to listen on; 0 chooses a free one.
        token: Secret that clients must send. Set it as DUALHASH_TOKEN, because other users can see
            command lines.
        insecure: Let in everyone who can reach the address.
        trusted_host: Host names of this server, such as search.example.org. IP addresses and
            localhost are always accepted.
        proxy: Addresses of proxies, such as 127.0.0.1. From other addresses the headers
            X-Forwarded-For and X-Forwarded-Proto are ignored.
        cors_origin: Origins of other pages that may use the API, such as https://example.org.
        rate: Requests per second that one client may make on average; 0 for no limit.
        grace: Seconds that requests in progress have to finish when the server is stopped.
        model: The model folder, if it was moved since the index was created.
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
    """Serves an index until it is stopped, and prints the address.

    Raises:
        DualhashError: The index cannot be served, or the extra `serve` is missing.
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
