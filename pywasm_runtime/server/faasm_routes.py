"""Answer the routes that Faasm's tools speak; a token is needed as everywhere."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pywasm_runtime.functions.errors import FunctionError, NotFound, UploadRefused
from pywasm_runtime.functions.model import Call, CallRequest, CallState, FunctionSettings
from pywasm_runtime.functions.names import check_function, check_key
from pywasm_runtime.server.access import Caller, permit
from pywasm_runtime.server.answers import bytes_response, text_response
from pywasm_runtime.server.call_routes import succeeded
from pywasm_runtime.server.failures import UnknownContent, documented
from pywasm_runtime.server.parameters import Service, described_body, described_bytes, read_archive

router = APIRouter(tags=["Faasm"])
# curl -d says that it sends a form, whatever it sends.
_MESSAGE_TYPES = ("", "application/json", "application/x-www-form-urlencoded")
_TEXT: dict[int | str, dict[str, Any]] = {200: described_bytes("Words", "text/plain; charset=utf-8")}
_VALUE: dict[int | str, dict[str, Any]] = {200: described_bytes("The value")}


class FaasmMessage(BaseModel):
    """Hold what Faasm's tools send to `/`: a call, or with `status` the question how a call goes."""

    model_config = ConfigDict(extra="ignore")

    user: str = ""
    function: str = ""
    python: bool = False
    py_user: str = ""
    py_func: str = ""
    py_entry: str | None = None
    input_data: str = ""
    # The name of this field is a keyword of Python.
    is_async: bool = Field(default=False, alias="async")
    status: bool = False
    id: str = ""

    @property
    def target(self) -> tuple[str, str]:
        """Give user and function: a Python function is named in fields of its own."""
        return (self.py_user, self.py_func) if self.py_func else (self.user, self.function)


_MESSAGE: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": FaasmMessage.model_json_schema()}}}
}


@router.put(
    "/p/{user}/{function}",
    responses={**documented(408, 413, 415), **_TEXT},
    response_class=Response,
    openapi_extra=described_body("text/x-python", required=True),
)
async def upload_python(user: str, function: str, caller: Caller, service: Service, request: Request) -> Response:
    """Upload the source of a Python function."""
    permit(caller, user), check_function(function)
    archive = await read_archive(request, function)
    version = await service.upload(user, function, archive, FunctionSettings())
    return text_response(f"Python function {user}/{function} uploaded, version {version.version}")


@router.put("/f/{user}/{function}", responses=documented(), response_class=Response)
async def upload_wasm(user: str, function: str, caller: Caller) -> Response:
    """Refuse a function that is a wasm file."""
    permit(caller, user), check_function(function)
    raise UploadRefused("functions are Python here: send the source with PUT /p/USER/FUNCTION instead of a wasm file")


@router.get("/s/{user}/{key:key}", responses={**documented(404), **_VALUE}, response_class=Response)
async def get_state(user: str, key: str, caller: Caller, service: Service) -> Response:
    """Give the value of a state key."""
    return bytes_response(await service.read_state(permit(caller, user), check_key(key)))


@router.put(
    "/s/{user}/{key:key}",
    responses={**documented(408, 413), **_TEXT},
    response_class=Response,
    openapi_extra=described_body("application/octet-stream"),
)
async def set_state(user: str, key: str, caller: Caller, service: Service, request: Request) -> Response:
    """Set the value of a state key."""
    permit(caller, user), check_key(key)
    await service.write_state(user, key, await request.body())
    return text_response("State set")


FilePath = Annotated[str, Header(alias="FilePath", description="The file's path")]


@router.put("/file", responses=documented(), response_class=Response)
async def put_file(caller: Caller, path: FilePath = "") -> Response:
    """Refuse a shared file."""
    raise UploadRefused(
        "there are no shared files here: put the file into the function's folder, or its bytes into state"
    )


@router.get("/file", responses=documented(404), response_class=Response)
async def get_file(caller: Caller, path: FilePath = "") -> Response:
    """Say that there are no shared files."""
    raise NotFound("there are no shared files here; state keys hold what functions share")


@router.post(
    "/", responses={**documented(404, 408, 413, 415, 424), **_TEXT}, response_class=Response, openapi_extra=_MESSAGE
)
async def invoke(caller: Caller, service: Service, request: Request) -> Response:
    """Call a function, or ask how a call goes.

    The answer is the function's output, with `async` the call's id, with `status` one of RUNNING, SUCCESS: output,
    FAILED: error.
    """
    message = await _read_message(request)
    if message.status:
        # What the message says of the user is not asked for: the tools say "python" there.
        return text_response(_progress(await service.call(None if caller.admin else caller.name, message.id)))
    user, function = message.target
    wanted = CallRequest(
        user=permit(caller, user or caller.name),
        function=check_function(function),
        input=message.input_data.encode(errors="surrogatepass"),
        entry=message.py_entry,
    )
    if message.is_async:
        return text_response((await service.submit(wanted)).id)
    return bytes_response(succeeded(await service.invoke(wanted)).output)


async def _read_message(request: Request) -> FaasmMessage:
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said not in _MESSAGE_TYPES:
        raise UnknownContent("the body must be application/json")
    try:
        return FaasmMessage.model_validate_json(await request.body())
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise FunctionError(f"the message cannot be read: {where}{': ' if where else ''}{problem['msg']}") from None


def _progress(call: Call) -> str:
    if call.outcome is None:
        return "RUNNING"
    if call.state is CallState.SUCCEEDED:
        return f"SUCCESS: {call.outcome.output.decode(errors='replace')}"
    return f"FAILED: {call.outcome.error}"
