"""`dualhash serve`: an index over HTTP, with a search page."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from dualhash.cli import output
from dualhash.cli.options import Flag, Names, Whole
from dualhash.errors import needs_extra

NOT_NEGATIVE = validators.Number(gte=0)


@Parameter(name="*")
@dataclass(frozen=True)
class ServeOptions:
    """Settings of the server that are options of the command; their names are those of `Settings`.

    Attributes:
        host: Address to listen on, such as 0.0.0.0 for all addresses of this machine. An address
            that other machines can reach needs --token or --insecure.
        port: Port to listen on; 0 chooses a free one.
        token: Secret that clients must send. Set it as DUALHASH_TOKEN, because other users can see
            command lines.
        insecure: Let in everyone who can reach the address.
        trusted_hosts: Host names of this server, such as search.example.org. IP addresses and
            localhost are always accepted.
        proxies: Addresses of proxies, such as 127.0.0.1. From other addresses the headers
            X-Forwarded-For and X-Forwarded-Proto are ignored.
        cors_origins: Origins of other pages that may use the API, such as https://example.org.
        rate: Requests per second that one client may make on average; 0 for no limit.
        grace_seconds: Seconds that requests in progress have to finish when the server is stopped.
    """

    host: str = "127.0.0.1"
    port: Annotated[Whole, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8000
    token: Annotated[str | None, Parameter(env_var="DUALHASH_TOKEN")] = None
    insecure: Flag = False
    trusted_hosts: Annotated[Names, Parameter(name="--trusted-host")] = ()
    proxies: Annotated[Names, Parameter(name="--proxy")] = ()
    cors_origins: Annotated[Names, Parameter(name="--cors-origin")] = ()
    rate: Annotated[float, Parameter(validator=NOT_NEGATIVE)] = 100.0
    grace_seconds: Annotated[Whole, Parameter(name="--grace", validator=NOT_NEGATIVE)] = 10


DEFAULTS = ServeOptions()


def serve(index: Path, /, *, options: ServeOptions = DEFAULTS, model: Path | None = None) -> None:
    """Serve an index over HTTP: a search page and a JSON API.

    By default only this machine can reach the server. If the index file is replaced, the server
    loads the new one. After Ctrl-C or SIGTERM, requests in progress are finished first.

    Args:
        index: An index file.
        options: Settings of the server.
        model: The model folder, if it was moved since the index was created.
    """
    run_server(index, model, **asdict(options))


def run_server(index: Path, model: Path | None = None, **settings: object) -> None:
    """Serves an index until it is stopped, and prints the address.

    Raises:
        DualhashError: The index cannot be served, or the extra `serve` is missing.
    """
    with needs_extra("Serving", "serve"):
        from dualhash.serve.server import run
        from dualhash.serve.settings import Settings
    run(
        index,
        Settings(**settings),  # type: ignore[arg-type]
        model,
        ready=lambda address: output.say(f"Serving {index} at {address}\nStop it with Ctrl-C."),
    )
    output.say("Stopped.")
