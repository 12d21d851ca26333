"""Be the zygote: load once what all workers need, then fork a worker whenever the supervisor asks for one.

Workers share the zygote's memory until they write to it, and start in milliseconds. The zygote has one thread when it
forks. It kills workers when told to, being their parent: a process id cannot be somebody else's as long as it has not
been waited for. When the supervisor ends, so does the zygote, and with it all workers.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pywasm_runtime.errors import EmbedderError
from pywasm_runtime.functions.frames import Channel, Frame, FrameDecoder, encode
from pywasm_runtime.functions.guest_stack import run_on_guest_thread
from pywasm_runtime.functions.processes import die_with_parent, forbid_core_dumps, thread_count
from pywasm_runtime.functions.sandbox_interface import SandboxesLike
from pywasm_runtime.functions.wire import settings_from_fields
from pywasm_runtime.functions.worker import Worker, folders_from_fields
from pywasm_runtime.functions.worker_tmp import WorkerTmp, can_mount

_AGAIN = "--again"
_MOST_DESCRIPTORS = 16


class Zygote:
    """Serve the supervisor's socket."""

    def __init__(self, connection: socket.socket, settings: dict[str, Any], sandboxes: SandboxesLike) -> None:
        self._connection = connection
        self._settings = settings
        self._sandboxes = sandboxes
        self._decoder = FrameDecoder()
        self._descriptors: deque[int] = deque()
        self._children: set[int] = set()
        self._may_mount = can_mount(Path(settings["scratch"]))
        # A signal's handler runs in Python only later: the byte in the pipe is what ends the wait.
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def serve(self) -> None:
        """Obey until the supervisor ends the connection."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if self._connection.fileno() in ready and not self._receive():
                return

    def say(self, frame: Frame) -> None:
        """Tell the supervisor something; if it is gone, the next `receive` finds out."""
        with suppress(OSError):
            self._connection.sendall(encode(frame))

    def _receive(self) -> bool:
        content, descriptors, _, _ = socket.recv_fds(self._connection, 1 << 16, _MOST_DESCRIPTORS)
        self._descriptors.extend(descriptors)
        if not content:
            return False
        for frame in self._decoder.feed(content):
            self._obey(frame)
        return True

    def _obey(self, frame: Frame) -> None:
        if frame.kind == "fork":
            self._fork(self._descriptors.popleft(), frame.fields["name"])
        elif frame.kind == "kill" and frame.fields["pid"] in self._children:
            os.kill(frame.fields["pid"], signal.SIGKILL)

    def _fork(self, descriptor: int, name: str) -> None:
        try:
            child = os.fork()
        except OSError as error:
            self.say(Frame(kind="unforked", fields={"name": name, "error": str(error)}))
            os.close(descriptor)
            return
        if child == 0:
            self._become_worker(descriptor, name)
        os.close(descriptor)
        self._children.add(child)
        self.say(Frame(kind="forked", fields={"name": name, "pid": child}))

    def _become_worker(self, descriptor: int, name: str) -> None:
        """Go on as a worker, and end; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for own in (self._woken, self._wake, *self._descriptors):
                os.close(own)
            self._connection.close()
            run_worker(descriptor, name, self._settings, self._sandboxes, may_mount=self._may_mount)
            status = 0
        except (SystemExit, ConnectionError):
            status = 0  # the supervisor is gone
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            self._children.discard(child)
            self.say(Frame(kind="died", fields={"pid": child, "status": os.waitstatus_to_exitcode(status)}))


def run_worker(
    descriptor: int, name: str, settings: dict[str, Any], sandboxes: SandboxesLike, *, may_mount: bool
) -> None:
    """Be a worker, in a process of its own, until the supervisor needs it no longer."""
    folder = Path(settings["scratch"]) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    tmp = WorkerTmp(folder, may_mount=may_mount)
    die_with_parent()  # after the mount: a change of rights undoes it
    sandboxes.use_tmp(folder)
    folders = folders_from_fields(settings["folders"])
    preload = tuple(settings["sandbox"].get("preload", ()))
    with socket.socket(fileno=descriptor) as connection:
        channel = Channel(connection)
        run_on_guest_thread(lambda: Worker(channel, sandboxes, folders, tmp, preload).serve())


def make_sandboxes(settings: dict[str, Any]) -> SandboxesLike:
    """Make what the settings' `factory` (`module:name`) makes, from the settings of sandboxes."""
    sys.path[:0] = settings["python_path"]
    module, _, name = settings["factory"].partition(":")
    factory: Callable[[Any], SandboxesLike] = getattr(importlib.import_module(module), name)
    fields = settings["sandbox"]
    return factory(settings_from_fields(fields) if "program" in fields else fields)


def main(arguments: list[str]) -> None:
    """Be the zygote process: the arguments are the number of the supervisor's socket, and the settings in JSON."""
    die_with_parent()
    forbid_core_dumps()
    connection = socket.socket(fileno=int(arguments[0]))
    settings = json.loads(arguments[1])
    try:
        sandboxes = make_sandboxes(settings)
        run_on_guest_thread(sandboxes.warm_up)
    except (EmbedderError, OSError) as error:
        connection.sendall(encode(Frame(kind="failed", fields={"error": str(error)})))
        return
    if thread_count() > 1 and _AGAIN not in arguments:
        # Compiling left threads behind, which no forked worker would have: begin anew, now all is compiled.
        os.set_inheritable(connection.fileno(), True)
        os.execv(sys.executable, [*sys.orig_argv, _AGAIN])
    gc.collect()
    gc.freeze()  # so that no collection in a worker writes to memory that is shared
    zygote = Zygote(connection, settings, sandboxes)
    zygote.say(Frame(kind="ready"))
    zygote.serve()
