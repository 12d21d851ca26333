"""Do what the func tasks of the command line do, over a service; the tasks parse their options and print."""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pywasm_runtime.errors import EmbedderError, UsageError
from pywasm_runtime.functions import background
from pywasm_runtime.functions.archive import pack
from pywasm_runtime.functions.data_folder import DataFolder, default_data_path, open_data_folder
from pywasm_runtime.functions.errors import LimitExceeded
from pywasm_runtime.functions.limits import parse_limits
from pywasm_runtime.functions.model import Call, CallRequest, CallState, FunctionSettings, FunctionVersion
from pywasm_runtime.functions.names import check_entry, check_user, quote
from pywasm_runtime.functions.results import (
    error_text,
    failure_text,
    name_text,
    outcome_text,
    printable,
    printable_log,
    status_text,
)
from pywasm_runtime.functions.runner_lock import has_runner
from pywasm_runtime.functions.service import FunctionService
from pywasm_runtime.functions.service_settings import default_settings
from pywasm_runtime.functions.settings import check_config, check_environment

USER_VARIABLE = "PYWASM_USER"
DEFAULT_USER = "local"
MAX_INPUT_BYTES = 512 << 20
MAX_SHOWN_CALLS = 10
_SEARCHED_CALLS = 1000


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """Say what became of one of several uploads; `version` is None if it was refused, `error` says why."""

    name: str
    version: FunctionVersion | None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Hold what there is to know of a function: `versions` the newest first, `calls` its newest calls."""

    current: FunctionVersion
    versions: tuple[FunctionVersion, ...]
    calls: tuple[Call, ...]


@asynccontextmanager
async def local_service(*, adopt: bool = False) -> AsyncIterator[FunctionService]:
    """Open the service of the user's data folder; workers are started when they are first needed."""
    data = open_data_folder(default_data_path(os.environ))
    async with FunctionService(default_settings(data, adopt=adopt)) as service:
        yield service


def user_name(option: str, environ: Mapping[str, str]) -> str:
    """Give the user: the one of --user, else of PYWASM_USER, else `local`."""
    return check_user(option or environ.get(USER_VARIABLE) or DEFAULT_USER)


def function_settings(
    *, entry: str = "", limits: str = "", env: Iterable[str] = (), config: Iterable[str] = ()
) -> FunctionSettings:
    """Read an upload's options; what is not given has its default."""
    default = FunctionSettings()
    return FunctionSettings(
        entry=check_entry(entry or default.entry),
        limits=parse_limits(limits, base=default.limits),
        environment=check_environment(_pairs(env, "--env")),
        config=check_config(_pairs(config, "--config")),
    )


async def upload(
    service: FunctionService, user: str, name: str, path: Path, settings: FunctionSettings
) -> FunctionVersion:
    """Upload a file or folder of this machine."""
    return await service.upload(user, name, pack(path), settings)


async def upload_all(service: FunctionService, user: str, folder: Path, settings: FunctionSettings) -> list[Uploaded]:
    """Upload each function of a folder, named like its file or folder; one that is refused does not stop the others."""
    results = []
    for name, path in functions_in(folder):
        try:
            results.append(Uploaded(name=name, version=await upload(service, user, name, path, settings)))
        except EmbedderError as error:
            results.append(Uploaded(name=name, version=None, error=error_text(error)))
    return results


def functions_in(folder: Path) -> list[tuple[str, Path]]:
    """List the functions of a folder: .py files and folders, but for tests and what begins with `.` or `_`."""
    if not folder.is_dir():
        raise UsageError(f"--local {folder} is not a folder")
    found = [
        (path.stem if path.is_file() else path.name, path)
        for path in sorted(folder.iterdir())
        if not path.name.startswith((".", "_", "test_", "conftest."))
        and path.name != "tests"
        and (path.is_dir() or (path.suffix == ".py" and path.is_file()))
    ]
    if not found:
        raise UsageError(f"--local {folder} has no .py file and no folder to upload")
    return found


async def overview(service: FunctionService, user: str, name: str) -> Overview:
    """Look a function up, with its versions and its newest calls."""
    current = await service.function(user, name)
    versions = await service.versions(user, name)
    calls = [call for call in await service.recent(user, _SEARCHED_CALLS) if call.function == name]
    return Overview(current=current, versions=tuple(versions), calls=tuple(calls[:MAX_SHOWN_CALLS]))


async def submit(
    service: FunctionService, request: CallRequest, start: Callable[[DataFolder], None] = background.start
) -> Call:
    """Accept a call and see to it that some process runs it."""
    call = await service.submit(request)
    if not has_runner(service.settings.data):
        start(service.settings.data)
    return call


async def status(service: FunctionService, user: str, call_id: str, now: float) -> str:
    """Say how far a call is, and what to do if nobody runs it."""
    call = await service.call(user, call_id)
    text = status_text(call, now)
    data = service.settings.data
    if call.state is CallState.QUEUED and not has_runner(data):
        text += "\nno process runs the queued calls: start one with bin/inv serve"
        if data.log.is_file():
            text += f"; the last one's messages are in {data.log}"
    return text


def named_path(text: str, option: str) -> Path:
    """Give the path that an option names; an empty text, as of an unset variable, would be the current folder."""
    if not text:
        raise UsageError(f"{option} is empty; name a file or folder")
    return Path(text)


def check_output_file(text: str) -> None:
    """Refuse a file that cannot be written before the call is run that is to fill it."""
    path = Path(text)
    if text and (path.is_dir() or not path.parent.is_dir()):
        raise UsageError(f"--output-file {text}: {'it is a folder' if path.is_dir() else 'there is no such folder'}")


def read_input(text: str, path: str, stdin: BinaryIO) -> bytes:
    """Give the input of a call: --input as UTF-8, or --input-file, where `-` is stdin; empty by default."""
    if text and path:
        raise UsageError("--input and --input-file cannot be given together")
    if path == "-":
        content = stdin.read(MAX_INPUT_BYTES + 1)
    elif path:
        with Path(path).open("rb") as file:
            content = file.read(MAX_INPUT_BYTES + 1)
    else:
        content = text.encode("utf-8", "surrogateescape")
    if len(content) > MAX_INPUT_BYTES:
        raise LimitExceeded(f"the input has more than {MAX_INPUT_BYTES} bytes; pass large data as state")
    return content


def give_output(call: Call, stdout: BinaryIO, output_file: str = "") -> None:
    """Write a call's output, byte by byte as it is, to a file or to stdout."""
    content = call.outcome.output if call.outcome else b""
    if output_file:
        Path(output_file).write_bytes(content)
    else:
        stdout.write(content)
        stdout.flush()


def give_logs(call: Call, stdout: BinaryIO, stderr: BinaryIO) -> None:
    """Write what a call printed; on a terminal without the characters that could drive it."""
    if call.outcome is None:
        return
    for content, stream in ((call.outcome.stdout, stdout), (call.outcome.stderr, stderr)):
        stream.write(printable_log(content).encode() if stream.isatty() else content)
        stream.flush()


def ended(call: Call) -> str:
    """Give the message of a call that failed, or that has not ended; nothing if all is well."""
    if call.state is CallState.SUCCEEDED:
        return ""
    return failure_text(call) or f"call {call.id} of {name_text(call)} has not ended: it is {call.state.value}"


def costs(call: Call) -> str:
    """Say what a call took, in one line; nothing if it has not ended."""
    return f"{name_text(call)}: {outcome_text(call.outcome)}" if call.outcome else ""


def _pairs(options: Iterable[str], flag: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} {quote(option)}: write {flag} NAME=VALUE")
        if name in pairs:
            raise UsageError(f"{flag} {printable(name)} is given twice")
        pairs[name] = value
    return pairs
