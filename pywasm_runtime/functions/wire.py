"""Turn functions, calls and outcomes into the fields and parts of frames, and back. Both ends are of this program."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pywasm_runtime.functions.frames import Frame
from pywasm_runtime.functions.model import (
    Call,
    CallState,
    Failure,
    FunctionSettings,
    FunctionVersion,
    ImageReport,
    Limits,
    Outcome,
)

if TYPE_CHECKING:  # the supervisor's process needs no engine
    from pywasm_runtime.functions.sandboxes import SandboxSettings

MAX_ERROR_CHARACTERS = 2_000
MAX_TRACEBACK_CHARACTERS = 200_000


def function_key(function: FunctionVersion) -> str:
    """Name a version of a function; what has the same name is run in the same way."""
    return f"{function.user}/{function.name}/{function.version}/{function.digest[:16]}/{function.created}"


def function_to_fields(function: FunctionVersion) -> dict[str, Any]:
    """Give a function as JSON has it."""
    return dataclasses.asdict(function)


def function_from_fields(fields: Mapping[str, Any]) -> FunctionVersion:
    """Read a function."""
    settings = fields["settings"]
    limits = Limits(**settings["limits"])
    return FunctionVersion(**{**fields, "settings": FunctionSettings(**{**settings, "limits": limits})})


def call_to_frame(call: Call, function: str, *, ahead: int) -> Frame:
    """Tell a worker to run a call of a function that it knows, and how many sandboxes to have ready afterwards."""
    fields = {
        "id": call.id,
        "user": call.user,
        "name": call.function,
        "version": call.version,
        "entry": call.entry,
        "created": call.created,
        "attempt": call.attempt,
        "function": function,
        "ahead": ahead,
    }
    return Frame(kind="call", fields=fields, parts=(call.input,))


def call_from_frame(frame: Frame) -> Call:
    """Read the call."""
    fields = frame.fields
    return Call(
        id=fields["id"],
        user=fields["user"],
        function=fields["name"],
        version=fields["version"],
        entry=fields["entry"],
        input=frame.parts[0],
        state=CallState.RUNNING,
        created=fields["created"],
        attempt=fields["attempt"],
    )


def outcome_to_frame(outcome: Outcome, *, last: bool) -> Frame:
    """Say how a call ended, and whether it was the worker's last."""
    fields = {
        "last": last,
        "status": outcome.status,
        "failure": outcome.failure.value,
        "error": clean(outcome.error, MAX_ERROR_CHARACTERS),
        "traceback": clean(outcome.traceback, MAX_TRACEBACK_CHARACTERS),
        "seconds": outcome.seconds,
        "cpu_seconds": outcome.cpu_seconds,
        "memory_bytes": outcome.memory_bytes,
    }
    return Frame(kind="done", fields=fields, parts=(outcome.output, outcome.stdout, outcome.stderr))


def outcome_from_frame(frame: Frame) -> Outcome:
    """Read the outcome."""
    fields = {name: value for name, value in frame.fields.items() if name != "last"}
    output, stdout, stderr = frame.parts
    return Outcome(**{**fields, "failure": Failure(fields["failure"])}, output=output, stdout=stdout, stderr=stderr)


def report_to_frame(report: ImageReport) -> Frame:
    """Say what making an image gave."""
    fields = dataclasses.asdict(report)
    fields["error"] = clean(report.error, MAX_ERROR_CHARACTERS)
    fields["traceback"] = clean(report.traceback, MAX_TRACEBACK_CHARACTERS)
    return Frame(kind="image", fields=fields)


def report_from_frame(frame: Frame) -> ImageReport:
    """Read the report."""
    return ImageReport(**{**frame.fields, "entries": tuple(frame.fields["entries"])})


def settings_to_fields(settings: "SandboxSettings") -> dict[str, Any]:
    """Give what sandboxes need to know as JSON has it."""
    program = settings.root.program
    return {
        "folder": str(settings.root.folder),
        "program": {"path": str(program.path), "digest": program.digest, "guest_name": program.guest_name},
        "images": str(settings.images),
        "modules": str(settings.modules),
        "preload": list(settings.preload),
    }


def settings_from_fields(fields: Mapping[str, Any]) -> "SandboxSettings":
    """Read it."""
    from pywasm_runtime.embedding import Program
    from pywasm_runtime.functions.sandboxes import SandboxSettings
    from pywasm_runtime.runtime_root import RuntimeRoot

    program = fields["program"]
    return SandboxSettings(
        root=RuntimeRoot(
            folder=Path(fields["folder"]),
            program=Program(path=Path(program["path"]), digest=program["digest"], guest_name=program["guest_name"]),
        ),
        images=Path(fields["images"]),
        modules=Path(fields["modules"]),
        preload=tuple(fields["preload"]),
    )


def clean(text: str, limit: int) -> str:
    """Make a guest's text fit to be kept: no lone surrogates, the end of it if it is longer than `limit`."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else f"[... {len(text) - limit} characters left out]\n{text[-limit:]}"
