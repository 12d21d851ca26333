"""Be a worker: take calls from the supervisor, one after the other, and run each in a fresh sandbox.

All of it happens on the guest's thread, but for the watchdog. A call that has to be ended takes the process with it;
everything that outlives a call is with the supervisor or in the storage.
"""

import contextlib
import dataclasses
import os
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.errors import EmbedderError
from pywasm_runtime.functions.archive import main_module
from pywasm_runtime.functions.call_host import CallContext, CallHost
from pywasm_runtime.functions.call_line import SupervisorLine
from pywasm_runtime.functions.frames import Channel, Frame
from pywasm_runtime.functions.model import Call, Failure, FunctionVersion, ImageReport, Outcome
from pywasm_runtime.functions.ready_sandboxes import ReadySandboxes
from pywasm_runtime.functions.sandbox_interface import GuestResultLike, SandboxesLike, SandboxLike
from pywasm_runtime.functions.state_access import StateAccess, WorkerStorage
from pywasm_runtime.functions.watchdog import Watch, Watchdog
from pywasm_runtime.functions.wire import (
    call_from_frame,
    function_from_fields,
    outcome_to_frame,
    report_to_frame,
)
from pywasm_runtime.functions.worker_tmp import WorkerTmp


@dataclass(frozen=True, kw_only=True)
class WorkerFolders:
    """Say where a worker finds what it needs: unpacked code, the storage, the local tier of state."""

    code: Path
    storage: Path
    local_state: Path


class Worker:
    """Serve one channel until it ends."""

    def __init__(
        self,
        channel: Channel,
        sandboxes: SandboxesLike,
        folders: WorkerFolders,
        tmp: WorkerTmp,
        preload: tuple[str, ...] = (),
    ) -> None:
        self._channel = channel
        self._sandboxes = sandboxes
        self._folders = folders
        self._tmp = tmp
        self._preload = preload
        self._functions: dict[str, FunctionVersion] = {}
        self._modules: dict[str, str] = {}
        self._ready = ReadySandboxes(self._prepare)
        self._storage = WorkerStorage(folders.storage, folders.local_state)
        self._watchdog = Watchdog()

    def serve(self) -> None:
        """Do what the supervisor says until it ends the connection, or this worker can be used no longer."""
        try:
            while (frame := self._channel.receive()) is not None and self._obey(frame):
                continue
        finally:
            self._ready.close()
            self._storage.close()
            self._watchdog.stop()

    def _obey(self, frame: Frame) -> bool:
        fields = frame.fields
        if frame.kind == "function":
            self._functions[fields["key"]] = function_from_fields(fields["function"])
        elif frame.kind == "call":
            return self._call(call_from_frame(frame), fields["function"], fields["ahead"])
        elif frame.kind == "keep":
            self._ready.want(fields["function"], fields["count"])
            self._refill(None, 0)
        elif frame.kind == "image":
            self._channel.send(report_to_frame(self._make_image(fields["function"])))
        elif frame.kind == "stop":
            return False
        return True

    def _call(self, call: Call, key: str, ahead: int) -> bool:
        is_ready = self._ready.has(key)
        if not is_ready:
            self._channel.send(Frame(kind="preparing"))
        try:
            sandbox = self._ready.take(key)
        except (EmbedderError, OSError) as error:
            words = f"no sandbox can be made: {error}"
            self._report(Outcome(status=1, failure=Failure.INTERNAL, error=words), last=False)
            return True
        if not is_ready:
            self._channel.send(Frame(kind="prepared"))
        try:
            outcome = self._run(sandbox, call, key)
            is_clean = self._tmp.empty()
            self._report(outcome, last=not is_clean)
        finally:
            sandbox.close()
        if is_clean:
            self._refill(key, ahead)
        return is_clean

    def _run(self, sandbox: SandboxLike, call: Call, key: str) -> Outcome:
        function = self._functions[key]
        limits = function.settings.limits
        self._tmp.limit(limits.tmp_bytes, limits.tmp_files)
        host: CallHost

        def give_up(failure: Failure, reason: str) -> None:
            # On the watchdog's thread: the guest's cannot be stopped but with the process.
            ended = Outcome(status=1, failure=failure, error=reason, stderr=host.log_lines.after(b""))
            with contextlib.suppress(OSError):
                self._report(_with_times(ended, watch), last=True)
            os._exit(1)

        watch = Watch(
            limits,
            interrupt=sandbox.interrupt,
            give_up=give_up,
            probe=None if self._tmp.is_mounted else self._tmp.excess,
        )
        state = StateAccess(
            self._storage, user=call.user, holder=call.id, limit_bytes=limits.state_bytes, deadline=watch.deadline
        )
        context = CallContext(call=call, function=function, module=self._modules[key], preload=self._preload)
        host = CallHost(context, SupervisorLine(self._channel, watch.deadline), state)
        self._watchdog.begin(watch)
        try:
            outcome = _outcome(sandbox.run(host, call.entry), host, watch)
        except Exception as error:
            traceback.print_exc()  # for the operator: whoever called learns only that it was not their fault
            outcome = Outcome(status=1, failure=Failure.INTERNAL, error=f"the sandbox failed: {error!r}")
        outcome = _with_times(outcome, watch)
        if not self._watchdog.finish(watch):
            threading.Event().wait()  # the watchdog is ending this process
        with contextlib.suppress(EmbedderError):  # the leases of the locks end, too
            state.release_all()
        return outcome

    def _report(self, outcome: Outcome, *, last: bool) -> None:
        self._channel.send(outcome_to_frame(outcome, last=last))

    def _make_image(self, key: str) -> ImageReport:
        function = self._functions[key]
        code = self._folders.code / function.digest
        watches: list[Watch] = []

        def give_up(failure: Failure, reason: str) -> None:
            with contextlib.suppress(OSError):
                self._channel.send(report_to_frame(ImageReport(error=_of_import(reason))))
            os._exit(1)

        def started(interrupt: Callable[[str], None]) -> None:
            watch = Watch(
                function.settings.limits,
                interrupt=interrupt,
                give_up=give_up,
                probe=None if self._tmp.is_mounted else self._tmp.excess,
            )
            watches.append(watch)
            self._watchdog.begin(watch)

        self._tmp.limit(function.settings.limits.tmp_bytes, function.settings.limits.tmp_files)
        try:
            report = self._sandboxes.make_image(function, code, started)
        except (EmbedderError, OSError) as error:
            report = ImageReport(error=f"the module cannot be tried in a sandbox: {error}")
        for watch in watches:
            if not self._watchdog.finish(watch):
                threading.Event().wait()  # the watchdog is ending this process
            if watch.exceeded and report.error:
                report = dataclasses.replace(report, error=_of_import(watch.reason))
        self._tmp.empty()
        return report

    def _prepare(self, key: str) -> SandboxLike:
        function = self._functions[key]
        code = self._folders.code / function.digest
        if key not in self._modules:
            self._modules[key] = main_module((path.name for path in code.iterdir()), function.name)
        return self._sandboxes.prepare(function, code)

    def _refill(self, key: str | None, ahead: int) -> None:
        # Whoever calls next finds out, and is told.
        with contextlib.suppress(EmbedderError, OSError):
            self._ready.refill(key, ahead)
        self._channel.send(Frame(kind="ready", fields={"counts": self._ready.counts()}))


def _of_import(reason: str) -> str:
    return f"importing the module: {reason.replace('the call', 'it', 1)}"


def _outcome(result: GuestResultLike, host: CallHost, watch: Watch) -> Outcome:
    failure, error = result.failure, result.error
    if watch.exceeded and failure:
        failure, error = watch.exceeded, watch.reason
    return Outcome(
        status=result.status if not failure else result.status or 1,
        failure=failure,
        error=error,
        traceback=result.traceback,
        output=host.output,
        stdout=result.stdout,
        stderr=host.log_lines.after(result.stderr),
        memory_bytes=result.memory_bytes,
    )


def _with_times(outcome: Outcome, watch: Watch) -> Outcome:
    return dataclasses.replace(outcome, seconds=watch.seconds(), cpu_seconds=max(watch.cpu_seconds(), 0.0))


def folders_from_fields(fields: Mapping[str, str]) -> WorkerFolders:
    """Read the folders from a frame's fields."""
    return WorkerFolders(**{name: Path(path) for name, path in fields.items()})
