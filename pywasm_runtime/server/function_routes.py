"""Upload, list, show, roll back and delete functions: `/v1/users/{user}/functions`."""

from fastapi import APIRouter, Request

from pywasm_runtime.server.access import Owner
from pywasm_runtime.server.answers import FunctionAnswer, FunctionsAnswer, function_answer
from pywasm_runtime.server.failures import documented
from pywasm_runtime.server.parameters import (
    GivenVersion,
    Name,
    Service,
    Settings,
    Version,
    described_body,
    read_archive,
)

router = APIRouter(prefix="/v1/users/{user}/functions", tags=["functions"])


@router.get("", responses=documented())
async def list_functions(user: Owner, service: Service) -> FunctionsAnswer:
    """Give the current version of each function of a user."""
    found = await service.functions(user)
    return FunctionsAnswer(functions=[function_answer(version) for version in found])


@router.put(
    "/{name}",
    responses=documented(408, 413, 415),
    openapi_extra=described_body("text/x-python", "application/zip", required=True),
)
async def upload_function(
    user: Owner, name: Name, settings: Settings, service: Service, request: Request
) -> FunctionAnswer:
    """Upload a function: a Python file, or a zip archive of a folder. It takes effect at once.

    It is checked first: imported in a sandbox, and refused with the traceback if that fails. The same content with
    the same settings as the current version makes no new version.
    """
    return function_answer(await service.upload(user, name, await read_archive(request, name), settings))


@router.get("/{name}", responses=documented(404))
async def show_function(user: Owner, name: Name, service: Service, version: Version = None) -> FunctionAnswer:
    """Give one version of a function."""
    return function_answer(await service.function(user, name, version))


@router.get("/{name}/versions", responses=documented(404))
async def list_versions(user: Owner, name: Name, service: Service) -> FunctionsAnswer:
    """Give all versions of a function."""
    found = await service.versions(user, name)
    return FunctionsAnswer(functions=[function_answer(version) for version in found])


@router.post("/{name}/rollback", responses=documented(404))
async def roll_back_function(user: Owner, name: Name, service: Service, version: GivenVersion) -> FunctionAnswer:
    """Make an earlier version the current one again."""
    return function_answer(await service.roll_back(user, name, version))


@router.delete("/{name}", status_code=204, responses=documented(404))
async def delete_function(user: Owner, name: Name, service: Service) -> None:
    """Delete a function; calls that were accepted are still run."""
    await service.delete(user, name)
