"""What the description of the API says is so: requests made from it, right and wrong ones, get answers it declares."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.model import CallRequest, FunctionSettings
from pywasm_runtime.server.app import create_app
from pywasm_runtime.server.settings import ServerSettings
from tests.unit.fake_functions import FakeFunctions
from tests.unit.server_client import ROOT

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


async def _filled() -> FakeFunctions:
    service = FakeFunctions()
    for name in ("echo", "fail"):
        await service.upload("alice", name, pack_source(b"def faasm_main(): pass\n", name), FunctionSettings())
        await service.invoke(CallRequest(user="alice", function=name))
    await service.write_state("alice", "key", b"value")
    return service


PYTHON = st.sampled_from([b"def faasm_main(): pass", b"import missing", b"\xff", b""]) | st.binary(max_size=100)
schemathesis.openapi.media_type("text/x-python", PYTHON)
schemathesis.openapi.media_type("application/zip", PYTHON.map(lambda source: pack_source(source, "x")) | PYTHON)
schemathesis.openapi.media_type("application/octet-stream", st.binary(max_size=100))
APP = create_app(asyncio.run(_filled()), ServerSettings(body_bytes=10_000))
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP)
KNOWN = {"user": "alice", "name": "echo", "function": "echo", "call_id": "0" * 32, "key": "key"}


@SCHEMA.parametrize()
@settings(
    max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
def test_answers_are_as_described(case: Any) -> None:
    APP.state.service = asyncio.run(_filled())
    headers = {"Authorization": f"Bearer {ROOT}"}
    case.call_and_validate(headers=headers, checks=CHECKS)
    # Then with names that exist, as random ones hardly ever do, and without parameters, so that it is done.
    case.path_parameters = {name: KNOWN[name] for name in case.path_parameters or {}}
    case.call_and_validate(headers=headers, checks=CHECKS)
    case.query = {"version": 1} if case.operation.path.endswith("/rollback") else {}
    case.call_and_validate(headers=headers, checks=CHECKS)


@SCHEMA.parametrize()
@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_nothing_is_done_without_a_token(case: Any) -> None:
    answer = case.call(headers={"Authorization": "Bearer nobody"})
    if case.operation.path in ("/healthz", "/ping"):
        assert answer.status_code == 200
    else:
        assert answer.status_code in (401, 400, 422), answer.text
        case.validate_response(answer, checks=CHECKS)


def test_the_documentation_names_every_status_that_is_an_error() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
    table = page.partition("## Errors")[2].partition("## Limits")[0]
    documented = {int(word) for word in re.findall(r"\b[45]\d\d\b", table)}
    operations = [operation for path in APP.openapi()["paths"].values() for operation in path.values()]
    described = {int(status) for operation in operations for status in operation["responses"]}
    assert {status for status in described if status >= 400} == documented


def test_the_documentation_names_every_route() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
    for path in APP.openapi()["paths"]:
        last = [part for part in path.split("/") if part and not part.startswith("{")]
        assert not last or f"/{last[-1]}" in page, path
