"""Configure WASI for one guest: arguments, environment, standard streams, folders."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import wasmtime

from pywasm_runtime.errors import MountError, UsageError
from pywasm_runtime.mounts import Mount


class Nothing(Enum):
    """Be the one value NOTHING."""

    NOTHING = "nothing"


NOTHING = Nothing.NOTHING
Sink = Callable[[bytes], None]


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Hold files for the guest's standard streams, or what takes each piece it writes; None: this process's own.

    stdin may be NOTHING too: reading gives its end at once.
    """

    stdin: Path | Nothing | None = None
    stdout: Path | Sink | None = None
    stderr: Path | Sink | None = None


OWN_STREAMS = Streams()


def new_wasi(
    *,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    streams: Streams,
    mounts: Sequence[Mount],
) -> wasmtime.WasiConfig:
    """Make wasmtime's configuration; raises UsageError or MountError where something cannot be passed on."""
    for text in (*arguments, *environment, *environment.values()):
        _check_text(text)
    wasi = wasmtime.WasiConfig()
    wasi.argv = list(arguments)
    wasi.env = list(environment.items())
    _set_streams(wasi, streams)
    for mount in mounts:
        try:
            wasi.preopen_dir(str(mount.host), mount.guest, fs_mutable=not mount.read_only)
        except (wasmtime.WasmtimeError, UnicodeError):
            raise MountError(f"the folder {str(mount.host)!r} cannot be opened for the guest") from None
    return wasi


def _check_text(text: str) -> None:
    if "\0" in text:
        raise UsageError(f"an argument or environment variable holds a NUL character: {text!r}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"an argument or environment variable is not UTF-8: {text!r}") from None


def _set_streams(wasi: wasmtime.WasiConfig, streams: Streams) -> None:
    try:
        if streams.stdin is None:
            wasi.inherit_stdin()
        elif isinstance(streams.stdin, Path):
            wasi.stdin_file = streams.stdin
        _set_output(wasi, "stdout", streams.stdout)
        _set_output(wasi, "stderr", streams.stderr)
    except wasmtime.WasmtimeError as error:
        raise UsageError(f"a file for a standard stream cannot be opened ({streams}): {error}") from None


def _set_output(wasi: wasmtime.WasiConfig, name: str, target: Path | Sink | None) -> None:
    if target is None:
        getattr(wasi, f"inherit_{name}")()
    elif isinstance(target, Path):
        setattr(wasi, f"{name}_file", str(target))
    else:
        setattr(wasi, f"{name}_custom", target)
