"""Show a call and its outcome as text for people; what a guest wrote cannot drive their terminal."""

import time

from pywasm_runtime.errors import EmbedderError
from pywasm_runtime.functions.errors import UploadRefused
from pywasm_runtime.functions.limits import describe
from pywasm_runtime.functions.model import Call, CallState, FunctionVersion, Outcome

CALL_HEAD = ("id", "function", "entry", "state", "begun", "took", "error")
VERSION_HEAD = ("function", "version", "entry", "uploaded", "image", "content")
_ERROR_WIDTH = 60


def size_text(size: int) -> str:
    """Return a number of bytes with its unit: 512 B, 1.5 MiB (powers of 1024)."""
    if size < 1024:
        return f"{size} B"
    number = float(size)
    for unit in ("KiB", "MiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.1f} GiB"


def duration_text(seconds: float) -> str:
    """Return a duration: 0.42 ms, 17 ms, 2.5 s, 135 s."""
    if seconds < 0.01:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def time_text(moment: float) -> str:
    """Return seconds since the epoch as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def printable(text: str) -> str:
    """Replace control characters, but for line ends and tabs, so that text of a guest cannot drive a terminal."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def printable_log(content: bytes) -> str:
    """Give what a guest printed as text with whole lines; nothing if it printed nothing."""
    text = printable(content.decode("utf-8", "replace").replace("\r\n", "\n"))
    return text if not text or text.endswith("\n") else text + "\n"


def name_text(call: Call) -> str:
    """Name what a call runs: user/function@version, and the entry."""
    return f"{call.user}/{call.function}@{call.version} {call.entry}"


def status_text(call: Call, now: float) -> str:
    """Say in one line how far a call is; `now` in seconds since the epoch."""
    return f"call {call.id} of {name_text(call)}: {_progress(call, now)}"


def outcome_text(outcome: Outcome) -> str:
    """Say in one line what a call took."""
    return (
        f"{duration_text(outcome.seconds)}, CPU {duration_text(outcome.cpu_seconds)},"
        f" memory {size_text(outcome.memory_bytes)}, output {size_text(len(outcome.output))}"
    )


def failure_text(call: Call) -> str:
    """Say why a call failed: the guest's traceback, then one line; nothing if it did not fail."""
    outcome = call.outcome
    if outcome is None or call.state is not CallState.FAILED:
        return ""
    traceback = printable_log(outcome.traceback.encode("utf-8", "replace"))
    return f"{traceback}{name_text(call)} failed ({_kind(outcome)}): {printable(outcome.error) or 'no reason is known'}"


def error_text(error: EmbedderError) -> str:
    """Give an error as a command line shows it: the guest's traceback, if it has one, then the message."""
    traceback = printable_log(error.traceback.encode("utf-8", "replace")) if isinstance(error, UploadRefused) else ""
    return f"{traceback}error: {printable(str(error))}"


def call_row(call: Call) -> tuple[str, ...]:
    """Give a call as a row of a table with the head CALL_HEAD."""
    outcome = call.outcome
    error = printable(outcome.error).replace("\n", " ") if outcome else ""
    return (
        call.id,
        f"{call.user}/{call.function}@{call.version}",
        call.entry,
        call.state.value,
        time_text(call.started) if call.started else "-",
        _took(call),
        error if len(error) <= _ERROR_WIDTH else error[: _ERROR_WIDTH - 1] + "…",
    )


def version_row(version: FunctionVersion) -> tuple[str, ...]:
    """Give a version as a row of a table with the head VERSION_HEAD."""
    return (
        f"{version.user}/{version.name}",
        str(version.version),
        version.settings.entry,
        time_text(version.created),
        "no" if version.no_image else "yes",
        version.digest[:12],
    )


def image_text(version: FunctionVersion) -> str:
    """Say whether calls begin with the module imported, and if not, why."""
    if not version.no_image:
        return "calls begin in an image with the module imported"
    return f"each call imports the module anew: {printable(version.no_image)}"


def version_text(version: FunctionVersion) -> str:
    """Describe a version with all its settings, in a few lines."""
    settings = version.settings
    lines = [
        f"{version.user}/{version.name}, version {version.version} of {time_text(version.created)}",
        f"entry:       {settings.entry}",
        f"limits:      {describe(settings.limits)}",
        f"image:       {image_text(version)}",
        f"content:     sha256 {version.digest}",
    ]
    for what, pairs in (("environment", settings.environment), ("config", settings.config)):
        # The values may be secrets.
        lines += [f"{what + ':':<12} {', '.join(printable(name) for name in pairs)}"] if pairs else []
    return "\n".join(lines)


def _progress(call: Call, now: float) -> str:
    if call.state is CallState.QUEUED:
        return f"queued for {duration_text(max(now - call.created, 0))}"
    if call.state is CallState.RUNNING:
        tries = f", attempt {call.attempt}" if call.attempt > 1 else ""
        return f"running for {duration_text(max(now - (call.started or call.created), 0))}{tries}"
    if call.outcome is None:
        return call.state.value
    if call.state is CallState.SUCCEEDED:
        return f"succeeded in {outcome_text(call.outcome)}"
    return f"failed ({_kind(call.outcome)}) after {outcome_text(call.outcome)}: {printable(call.outcome.error)}"


def _took(call: Call) -> str:
    if call.started is None or call.ended is None:
        return "-"
    return duration_text(max(call.ended - call.started, 0))


def _kind(outcome: Outcome) -> str:
    """Name the kind of failure, with the status where that says more."""
    kind = outcome.failure.value or "unknown"
    return f"{kind} {outcome.status}" if kind == "status" else kind
