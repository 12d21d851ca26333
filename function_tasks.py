"""What `bin/inv func.*` and `bin/inv serve` can do: upload functions, call them, look at them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from task_errors import INTERRUPTED, pywasm_iterable_task, pywasm_task

if TYPE_CHECKING:
    from pywasm_runtime.functions.model import Call, CallRequest
    from pywasm_runtime.functions.service import FunctionService

Result = TypeVar("Result")


def _with_service(body: Callable[[FunctionService], Awaitable[Result]]) -> Result:
    """Run `body` with the service of the user's data folder."""
    from pywasm_runtime.functions.commands import local_service

    async def run() -> Result:
        async with local_service() as service:
            return await body(service)

    return asyncio.run(run())


def _user(option: str) -> str:
    from pywasm_runtime.functions.commands import user_name

    return user_name(option, os.environ)


def _number(text: str, option: str) -> int:
    """Read a whole number; invoke itself would answer another text with a traceback."""
    if text.isdecimal() and len(text) < 10:
        return int(text)
    raise Exit(f"error: {option} must be a number, not {text!r}", 2)


def _call(call_id: str, user: str) -> Call:
    owner = _user(user)
    return _with_service(lambda service: service.call(owner, call_id))


@pywasm_iterable_task("env", "config")
def upload(
    context: Context,
    name: str,
    file: str,
    env: Sequence[str],
    config: Sequence[str],
    user: str = "",
    entry: str = "",
    limits: str = "",
) -> None:
    """Upload a function: a .py file, or a folder; --limits "memory=64MiB,wall=5", --env K=V and --config K=V repeat."""
    from pywasm_runtime.functions import commands
    from pywasm_runtime.functions.results import image_text

    settings = commands.function_settings(entry=entry, limits=limits, env=env, config=config)
    owner, path = _user(user), commands.named_path(file, "--file")
    version = _with_service(lambda service: commands.upload(service, owner, name, path, settings))
    print(f"{version.user}/{version.name} is version {version.version}: {image_text(version)}")


@pywasm_task
def upload_all(context: Context, local: str, user: str = "", limits: str = "") -> None:
    """Upload each .py file and folder of a folder, under its own name; all are tried, whatever fails."""
    from pywasm_build.progress import table
    from pywasm_runtime.functions import commands
    from pywasm_runtime.functions.results import image_text

    owner, settings = _user(user), commands.function_settings(limits=limits)
    path = commands.named_path(local, "--local")
    done = _with_service(lambda service: commands.upload_all(service, owner, path, settings))
    rows = [(one.name, str(one.version.version), image_text(one.version)) for one in done if one.version]
    refused = [one for one in done if one.version is None]
    print(table(("function", "version", "state"), [*rows, *((one.name, "-", "refused, see below") for one in refused)]))
    for one in refused:
        print(f"\n{one.name}:\n{one.error}", file=sys.stderr)
    if refused:
        raise Exit(f"\nerror: {len(refused)} of {len(done)} uploads were refused", 1)


@pywasm_task
def list_functions(context: Context, user: str = "") -> None:
    """List a user's functions."""
    from pywasm_build.progress import table
    from pywasm_runtime.functions.results import VERSION_HEAD, version_row

    owner = _user(user)
    versions = _with_service(lambda service: service.functions(owner))
    print(table(VERSION_HEAD, [version_row(version) for version in versions]))


@pywasm_task
def show(context: Context, name: str, user: str = "") -> None:
    """Show a function: its settings, versions, and newest calls."""
    from pywasm_build.progress import table
    from pywasm_runtime.functions import commands
    from pywasm_runtime.functions.results import CALL_HEAD, VERSION_HEAD, call_row, version_row, version_text

    owner = _user(user)
    seen = _with_service(lambda service: commands.overview(service, owner, name))
    print(version_text(seen.current))
    print(f"\n{table(VERSION_HEAD, [version_row(version) for version in seen.versions])}")
    if seen.calls:
        print(f"\n{table(CALL_HEAD, [call_row(call) for call in seen.calls])}")


@pywasm_task
def delete(context: Context, name: str, user: str = "") -> None:
    """Delete a function with all its versions; accepted calls still run."""
    owner = _user(user)
    _with_service(lambda service: service.delete(owner, name))
    print(f"{owner}/{name} is deleted")


@pywasm_task
def roll_back(context: Context, name: str, version: str, user: str = "") -> None:
    """Make an older version of a function the current one again."""
    owner, number = _user(user), _number(version, "--version")
    _with_service(lambda service: service.roll_back(owner, name, number))
    print(f"{owner}/{name} is version {number} again")


@pywasm_task
def invoke(
    context: Context,
    name: str,
    entry: str = "",
    input: str = "",
    input_file: str = "",
    output_file: str = "",
    version: str = "",
    user: str = "",
    async_: bool = False,
    verbose: bool = False,
) -> None:
    """Call a function; its output goes to stdout as it is. --input-file - reads stdin, --async prints the call's id."""
    from pywasm_runtime.functions import commands
    from pywasm_runtime.functions.model import CallRequest

    request = CallRequest(
        user=_user(user),
        function=name,
        input=commands.read_input(input, input_file, sys.stdin.buffer),
        entry=entry or None,
        version=_number(version, "--version") if version else None,
    )
    if async_ and (output_file or verbose):
        raise Exit("error: --async does not wait for the end: ask for it with func.result or func.status", 2)
    commands.check_output_file(output_file)
    if async_:
        print(_with_service(lambda service: commands.submit(service, request)).id)
        return
    call = _invoke(request)
    commands.give_logs(call, sys.stderr.buffer, sys.stderr.buffer)
    commands.give_output(call, sys.stdout.buffer, output_file)
    if verbose:
        print(commands.costs(call), file=sys.stderr)
    _end(call)


def _invoke(request: CallRequest) -> Call:
    """Call and wait; after Ctrl-C say what becomes of the call."""
    accepted: list[Call] = []
    try:
        return _with_service(lambda service: service.invoke(request, accepted.append))
    except KeyboardInterrupt:
        if not accepted:
            raise
        fate = "it has been accepted, and the next bin/inv serve or func.invoke --async runs it from its beginning"
        raise Exit(f"\ninterrupted; call {accepted[0].id} has not ended: {fate}", INTERRUPTED) from None


@pywasm_task
def status(context: Context, id: str, user: str = "") -> None:
    """Say how far a call is."""
    from pywasm_runtime.functions import commands

    owner = _user(user)
    print(_with_service(lambda service: commands.status(service, owner, id, time.time())))


@pywasm_task
def result(context: Context, id: str, output_file: str = "", user: str = "") -> None:
    """Give the output of a call that has ended, as func.invoke does."""
    from pywasm_runtime.functions import commands

    commands.check_output_file(output_file)
    call = _call(id, user)
    commands.give_output(call, sys.stdout.buffer, output_file)
    _end(call)


@pywasm_task
def logs(context: Context, id: str, user: str = "") -> None:
    """Give what a call printed, to stdout and to stderr."""
    from pywasm_runtime.functions import commands

    commands.give_logs(_call(id, user), sys.stdout.buffer, sys.stderr.buffer)


@pywasm_task
def token(context: Context, user: str, admin: bool = False, renew: bool = False) -> None:
    """Make a user of the server and print the token, which is not kept; --renew ends the one that a user has."""
    print(_with_service(lambda service: service.add_user(user, admin=admin, renew=renew)))


@pywasm_task
def serve(
    context: Context,
    host: str = "127.0.0.1",
    port: str = "8080",
    slots: str = "",
    token_file: str = "",
    allow_remote: bool = False,
    open_metrics: bool = False,
) -> None:
    """Serve functions over HTTP until Ctrl-C or SIGTERM; the first start makes an admin and shows the token."""
    from pywasm_runtime.functions.data_folder import default_data_path, open_data_folder
    from pywasm_runtime.server.serve import ServeSettings
    from pywasm_runtime.server.serve import serve as run
    from pywasm_runtime.server.settings import ServerSettings

    run(
        ServeSettings(
            data=open_data_folder(default_data_path(os.environ)),
            host=host,
            port=_number(port, "--port"),
            allow_remote=allow_remote,
            slots=_number(slots, "--slots") if slots else None,
            token_file=Path(token_file).absolute() if token_file else None,
            server=ServerSettings(open_metrics=open_metrics),
        )
    )


def _end(call: Call) -> None:
    """End with exit code 1 and the reason if a call failed, or has not ended."""
    from pywasm_runtime.functions.commands import ended

    if message := ended(call):
        raise Exit(message, 1)


func = Collection("func")
for _name, _task in {
    "upload": upload,
    "upload-all": upload_all,
    "list": list_functions,
    "show": show,
    "delete": delete,
    "roll-back": roll_back,
    "invoke": invoke,
    "status": status,
    "result": result,
    "logs": logs,
    "token": token,
}.items():
    func.add_task(_task, name=_name)
