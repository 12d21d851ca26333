"""Read, write and remove the global tier of a user's state: `/v1/users/{user}/state/{key}`."""

from typing import Any

from fastapi import APIRouter, Request, Response

from pywasm_runtime.server.access import Owner
from pywasm_runtime.server.answers import bytes_response
from pywasm_runtime.server.failures import documented
from pywasm_runtime.server.parameters import Key, Service, described_body, described_bytes

router = APIRouter(prefix="/v1/users/{user}/state", tags=["state"])
_VALUE: dict[int | str, dict[str, Any]] = {200: described_bytes("The value")}


@router.get("/{key:key}", responses={**documented(404), **_VALUE}, response_class=Response)
async def read_state(user: Owner, key: Key, service: Service) -> Response:
    """Give the value of a key."""
    return bytes_response(await service.read_state(user, key))


@router.put(
    "/{key:key}",
    status_code=204,
    responses=documented(408, 413),
    openapi_extra=described_body("application/octet-stream"),
)
async def write_state(user: Owner, key: Key, service: Service, request: Request) -> None:
    """Set the value of a key to the body. Calls that hold a local value see it after a pull."""
    await service.write_state(user, key, await request.body())


@router.delete("/{key:key}", status_code=204, responses=documented(404))
async def delete_state(user: Owner, key: Key, service: Service) -> None:
    """Remove a key."""
    await service.delete_state(user, key)
