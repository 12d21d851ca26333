"""Follow one attempt at a call: send it to a worker, answer what it asks, and end it if it does not end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.frames import Frame
from pywasm_runtime.functions.model import Call, Failure, FunctionVersion, Outcome
from pywasm_runtime.functions.watchdog import GRACE_SECONDS
from pywasm_runtime.functions.wire import call_to_frame, outcome_from_frame
from pywasm_runtime.functions.worker_process import WorkerProcess

BACKSTOP_SECONDS = GRACE_SECONDS + 2.0
"""A worker that has not ended a call so long after its wall time is killed."""

_PREPARING_SECONDS = 60.0


class WorkerLost(Exception):
    """Say how the worker of a call died."""


class Desk(Protocol):
    """Answer what calls ask."""

    async def chain(self, parent: Call, ordinal: int, function: str, entry: str, content: bytes) -> None:
        """Accept a call for another; raises FunctionError."""
        ...

    async def ended(self, call_id: str, pause: Callable[[], None]) -> Call:
        """Wait until a call has ended; calls `pause` if it has not."""
        ...

    def pause(self, run: "Run") -> None:
        """Take the slot of a call that waits."""
        ...

    def resume(self, run: "Run") -> Awaitable[None]:
        """Give it a slot again, when there is one; then it is not waiting any more."""
        ...


class Run:
    """Hold the attempt; `worker` is used by nothing else until `result` has returned."""

    def __init__(self, call: Call, function: FunctionVersion, worker: WorkerProcess, desk: Desk) -> None:
        self.call = call
        self.function = function
        self.worker = worker
        self.is_waiting = False
        self.has_locks = False
        self.is_last = False
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Outcome] = self._loop.create_future()
        self._asked: asyncio.Task[None] | None = None
        self._kill: Callable[[WorkerProcess], None] | None = None
        self._backstop: asyncio.TimerHandle | None = None
        self._is_overdue = False

    @property
    def call_id(self) -> str:
        """Name the call."""
        return self.call.id

    async def result(self, kill: Callable[[WorkerProcess], None], *, ahead: int) -> Outcome:
        """Have the call run; raises WorkerLost if the worker dies for no fault of the call."""
        worker = self.worker
        worker.job = self
        self._kill = kill
        self._limit(0.0)
        try:
            if not worker.is_connected:
                raise WorkerLost("the worker process ended before the call began")
            key = worker.introduce(self.function)
            worker.ready[key] = max(worker.ready.get(key, 0) - 1, 0)  # until it says that it has prepared another
            worker.send(call_to_frame(self.call, key, ahead=ahead))
            return await self._done
        finally:
            self._limit(None)
            if self._asked is not None:
                self._asked.cancel()

    def take(self, frame: Frame) -> None:
        """Hear what the worker says."""
        if frame.kind == "done":
            self.is_last = bool(frame.fields["last"])
            if not self._done.done():
                self._done.set_result(outcome_from_frame(frame))
        elif frame.kind == "preparing":
            self._limit(_PREPARING_SECONDS)
        elif frame.kind == "prepared":
            self._limit(0.0)
        elif frame.kind == "locks":
            self.has_locks = True
        elif frame.kind == "pause":
            self._pause()
        elif frame.kind in ("chain", "await", "resume"):
            if self._asked is not None:
                self._asked.cancel()  # its time was over, and nobody waits for the answer
            self._asked = self._loop.create_task(self._reply(frame))

    def lose(self, words: str) -> None:
        """Hear that the worker has died."""
        if self._done.done():
            return
        if self._is_overdue:
            limit = self.function.settings.limits.wall_seconds
            words = f"the call took longer than its limit of {limit:g} s, and had to be ended with its process"
            self._done.set_result(Outcome(status=1, failure=Failure.WALL_TIME, error=words))
        else:
            self._done.set_exception(WorkerLost(words))

    def _limit(self, before: float | None) -> None:
        """Have the worker killed unless the call, begun in `before` seconds, ends in time; None for never."""
        if self._backstop is not None:
            self._backstop.cancel()
            self._backstop = None
        if before is not None:
            seconds = before + self.function.settings.limits.wall_seconds + BACKSTOP_SECONDS
            self._backstop = self._loop.call_later(seconds, self._end)

    def _end(self) -> None:
        if not self._done.done() and self._kill is not None:
            self._is_overdue = True
            self._kill(self.worker)

    async def _reply(self, question: Frame) -> None:
        number = {"number": question.fields["number"]}
        answer: Coroutine[Any, Any, Frame]
        if question.kind == "chain":
            answer = self._chain(question)
        elif question.kind == "await":
            answer = self._await(question)
        else:
            answer = self._resume()
        try:
            reply = await answer
        except FunctionError as error:
            reply = Frame(kind="reply", fields={"error_kind": type(error).__name__, "message": str(error)})
        self.worker.send(Frame(kind="reply", fields={**reply.fields, **number}, parts=reply.parts))

    async def _chain(self, question: Frame) -> Frame:
        fields = question.fields
        (content,) = question.parts
        await self._desk.chain(self.call, fields["ordinal"], fields["function"], fields["entry"], content)
        return Frame(kind="reply")

    async def _await(self, question: Frame) -> Frame:
        try:
            child = await self._desk.ended(f"{self.call.id}.{question.fields['ordinal']}", self._pause)
        except FunctionError:
            await self._go_on()
            raise
        await self._go_on()
        outcome = child.outcome or Outcome(status=1, failure=Failure.INTERNAL, error="it ended without an outcome")
        fields = {
            "status": outcome.status,
            "failure": outcome.failure.value,
            "error": outcome.error,
            "traceback": outcome.traceback,
        }
        output = outcome.output if question.fields["output"] else b""
        return Frame(kind="reply", fields=fields, parts=(output,))

    async def _resume(self) -> Frame:
        await self._go_on()
        return Frame(kind="reply")

    def _pause(self) -> None:
        if not self.is_waiting and not self._done.done():
            self.is_waiting = True
            self._desk.pause(self)

    async def _go_on(self) -> None:
        if self.is_waiting:
            await self._desk.resume(self)
