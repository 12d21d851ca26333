"""Say what requests may have beside the caller: names, numbers, bodies; and describe these for OpenAPI.

What is accepted as a name is decided where names are checked; the patterns here only describe it.
"""

import asyncio
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request
from starlette.convertors import Convertor, register_url_convertor

from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.limits import parse_limits
from pywasm_runtime.functions.model import FunctionSettings
from pywasm_runtime.functions.names import check_entry, check_function, check_key
from pywasm_runtime.functions.packing import pack_source
from pywasm_runtime.functions.settings import settings_from_text
from pywasm_runtime.server.failures import UnknownContent
from pywasm_runtime.server.service_interface import Functions

_MAX_NUMBER = (1 << 31) - 1
_MAX_WAIT = 3600.0
_PYTHON = ("text/x-python", "text/plain")
_ZIP = "application/zip"
_UNSAID = ("", "application/octet-stream")


class _KeyConvertor(Convertor[str]):
    """Take the rest of an address as a key, line ends too, so that a wrong key is refused as one."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """Give the key."""
        return value

    def to_string(self, value: str) -> str:
        """Give the part of the address."""
        return value


# From here on `{key:key}` in a route is such a rest.
register_url_convertor("key", _KeyConvertor())


async def _service(request: Request) -> Functions:
    service: Functions = request.app.state.service
    return service


async def _name(
    name: Annotated[
        str,
        Path(description="A function's name", json_schema_extra={"pattern": r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$"}),
    ],
) -> str:
    return check_function(name)


async def _key(
    key: Annotated[str, Path(description="A state key, which may have slashes", json_schema_extra={"maxLength": 512})],
) -> str:
    return check_key(key)


async def _entry(
    entry: Annotated[str | None, Query(description="A function of the module to begin in")] = None,
) -> str | None:
    return None if entry is None else check_entry(entry)


Service = Annotated[Functions, Depends(_service)]
Name = Annotated[str, Depends(_name)]
Key = Annotated[str, Depends(_key)]
Entry = Annotated[str | None, Depends(_entry)]
Version = Annotated[int | None, Query(ge=1, le=_MAX_NUMBER, description="By default the current version")]
GivenVersion = Annotated[int, Query(ge=1, le=_MAX_NUMBER)]
Wait = Annotated[float, Query(ge=0, le=_MAX_WAIT, description="Seconds to wait for the end of the call")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many to give at most")]
CallId = Annotated[
    str, Path(description="A call's id", json_schema_extra={"pattern": r"^[0-9a-f]{32}(\.(0|[1-9][0-9]{0,8})){0,64}$"})
]


async def _settings(
    entry: Entry,
    limits: Annotated[str, Query(description="Such as memory=64MiB,wall=5")] = "",
    pywasm_settings: Annotated[
        str | None,
        Header(description='JSON with any of "entry", "limits", "environment", "config"; the query comes before it'),
    ] = None,
) -> FunctionSettings:
    base = FunctionSettings() if pywasm_settings is None else settings_from_text(pywasm_settings)
    return FunctionSettings(
        entry=base.entry if entry is None else entry,
        limits=parse_limits(limits, base=base.limits),
        environment=base.environment,
        config=base.config,
    )


Settings = Annotated[FunctionSettings, Depends(_settings)]
"""A function's settings, from the query and the header Pywasm-Settings."""


async def read_archive(request: Request, name: str) -> bytes:
    """Read an upload's body: an archive, or a Python file that becomes one."""
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said not in (*_PYTHON, _ZIP, *_UNSAID):
        types = f"{_PYTHON[0]} (one file) or {_ZIP} (a folder)"
        raise UnknownContent(f"the body is said to be {said[:80]!r}; send {types} as Content-Type")
    body = await request.body()
    if not body:
        raise FunctionError("the body is empty; it must be a Python file or a zip archive")
    if said == _ZIP or (said in _UNSAID and body.startswith(b"PK\x03\x04")):
        return body
    # Compressing a large file takes a while, in which others are to be answered.
    return await asyncio.to_thread(pack_source, body, name)


def described_body(*types: str, required: bool = False) -> dict[str, Any]:
    """Describe a body of bytes."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in types}
    return {"requestBody": {"required": required, "content": content}}


def described_bytes(description: str, kind: str = "application/octet-stream") -> dict[str, Any]:
    """Describe an answer of bytes or text."""
    return {"description": description, "content": {kind: {"schema": {"type": "string"}}}}
