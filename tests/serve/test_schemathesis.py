"""Random requests that follow the OpenAPI description."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dualhash.serve.app import create_app
from tests.serve.server_process import Live, serving

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]

EXAMPLES = 15
"""Requests to each address."""


schema = schemathesis.openapi.from_dict(create_app("none.dhx").openapi())


@pytest.fixture(scope="module")
def live(shapes: Path) -> Iterator[Live]:
    with serving(shapes) as server:
        yield server


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_responses_match_the_openapi_description(live: Live, case: schemathesis.Case):
    case.call_and_validate(base_url=live.address, checks=CHECKS)
