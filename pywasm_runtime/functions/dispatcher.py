"""Carry accepted calls through: queue, claim, run on a worker, begin again if the worker died, keep the outcome."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from pywasm_runtime.functions.code_store import CodeStore
from pywasm_runtime.functions.endings import Endings
from pywasm_runtime.functions.errors import FunctionError, NotFound, StorageError
from pywasm_runtime.functions.model import Call, CallRequest, CallState, Failure, FunctionVersion, Outcome
from pywasm_runtime.functions.pool import Pool
from pywasm_runtime.functions.run import Run, WorkerLost
from pywasm_runtime.functions.scheduler import Candidate, Scheduler
from pywasm_runtime.functions.state_access import LOCK_LEASE_SECONDS
from pywasm_runtime.functions.statistics import Tally
from pywasm_runtime.functions.wire import function_key
from pywasm_runtime.storage import Storage, StorageThread

_log = logging.getLogger(__name__)
LEASE_SECONDS = 6.0
MAX_ATTEMPTS = 3
_ENDED = (CallState.SUCCEEDED, CallState.FAILED)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Hold a call that is this dispatcher's business; `claimed` is the whole call, once it is ours."""

    candidate: Candidate
    function: FunctionVersion
    claimed: Call | None = None


class Dispatcher:
    """Hold the calls that are queued or begun here, by their ids. `owner` is the name under which calls are claimed.

    on_elsewhere: told when somebody waits here for a call that others run.
    """

    def __init__(
        self,
        owner: str,
        storage: StorageThread,
        code: CodeStore,
        pool: Pool,
        scheduler: Scheduler,
        *,
        on_elsewhere: Callable[[], None],
    ) -> None:
        self.owner = owner
        self.endings = Endings()
        self.tally = Tally()
        self.entries: dict[str, Entry] = {}
        self.runs: dict[str, Run] = {}
        self._storage = storage
        self._code = code
        self._pool = pool
        self._scheduler = scheduler
        self._on_elsewhere = on_elsewhere
        self._resuming: dict[str, asyncio.Future[None]] = {}
        self._unsaved: dict[str, Outcome] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._submitting = 0
        self._is_closed = False

    async def submit(self, request: CallRequest, *, queue_limit: int | None = None, may_claim: bool = True) -> Call:
        """Accept a call and queue it; where a slot is free it is claimed in the same step."""
        scheduler = self._scheduler
        begun = scheduler.running + scheduler.queued + self._submitting
        # What has a known id may be another's, and its state would not tell.
        owner = self.owner if may_claim and request.call_id is None and begun < scheduler.slots else None

        def accept(storage: Storage) -> tuple[Call, FunctionVersion]:
            call = storage.calls.submit(request, queue_limit=queue_limit, owner=owner, lease_seconds=LEASE_SECONDS)
            return call, self._code.of(storage, call)

        self._submitting += 1
        try:
            call, function = await self._storage.run(accept)
        finally:
            self._submitting -= 1
        if call.state not in _ENDED:
            self.enqueue(call, function, is_claimed=owner is not None)
        return call

    def enqueue(self, call: Call, function: FunctionVersion, *, is_claimed: bool = False) -> None:
        """Queue a call, unless it is known already."""
        if call.id in self.entries:
            return
        self._code.remember(function)
        candidate = Candidate(
            call_id=call.id,
            function=function_key(function),
            instances=function.settings.limits.instances,
            created=call.created,
            depth=call.depth,
        )
        entry = Entry(candidate=candidate, function=function, claimed=call if is_claimed else None)
        self.entries[call.id] = entry
        self._scheduler.add(candidate)
        self._pump()

    async def look(self, call_id: str, *, enqueue_running: bool = False) -> Call:
        """See how far a call is that is not known here: tell who waits for it, or queue it. Raises NotFound."""

        def find(storage: Storage) -> tuple[Call, FunctionVersion | None]:
            call = storage.calls.get(call_id)
            try:
                return call, None if call.state in _ENDED else self._code.of(storage, call)
            except NotFound:
                return self._refuse(storage, call), None

        call, function = await self._storage.run(find)
        if call.state in _ENDED:
            self.endings.end(call)
        elif function is not None and (call.state == CallState.QUEUED or enqueue_running):
            self.enqueue(call, function)
        return call

    async def drop_unawaited(self) -> None:
        """Leave to others what is queued here and nobody waits for."""
        for call_id in self._scheduler.queued_ids():
            entry = self.entries[call_id]
            if call_id in self.endings or entry.candidate.depth:
                continue
            self._scheduler.remove(call_id)
            del self.entries[call_id]
            if entry.claimed is not None:
                await self._give_back(call_id)

    async def renew(self) -> None:
        """Keep what is claimed and locked for longer, and save what could not be saved before."""
        locking = [run.call.id for run in self.runs.values() if run.has_locks]
        has_claims = bool(self.entries or self._unsaved)

        def extend(storage: Storage) -> None:
            if has_claims:
                storage.calls.renew_leases(self.owner, LEASE_SECONDS)
            for holder in locking:
                storage.locks.renew(holder, LOCK_LEASE_SECONDS)
            for call_id, outcome in list(self._unsaved.items()):
                storage.calls.finish(call_id, self.owner, outcome)
                self._unsaved.pop(call_id, None)

        await self._storage.run(extend)

    async def close(self) -> None:
        """Stop carrying calls, and give back what is claimed."""
        self._is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for call_id in list(self.entries):
            await self._give_back(call_id)
        for call_id in self.endings.ids():
            self.endings.fail(call_id, FunctionError(f"call {call_id} was not finished here: the workers were ended"))

    async def chain(self, parent: Call, ordinal: int, function: str, entry: str, content: bytes) -> None:
        """Accept a call for another; one of the same function runs the same version."""
        name = function or parent.function
        request = CallRequest(
            user=parent.user,
            function=name,
            input=content,
            entry=entry or None,
            version=parent.version if name == parent.function else None,
            call_id=f"{parent.id}.{ordinal}",
        )
        await self.submit(request)

    async def ended(self, call_id: str, pause: Callable[[], None] = lambda: None) -> Call:
        """Wait until a call has ended; raises NotFound if there is none."""
        future = self.endings.expect(call_id)
        try:
            if call_id not in self.entries:
                await self.look(call_id)
                if not future.done() and call_id not in self.entries:
                    self._on_elsewhere()
            if not future.done():
                pause()
            return await future
        finally:
            future.cancel()

    def pause(self, run: Run) -> None:
        """Take a run's slot."""
        self._scheduler.pause(self.entries[run.call.id].candidate)
        self._pump()

    def resume(self, run: Run) -> Awaitable[None]:
        """Give a run a slot, when there is one."""
        call_id = run.call.id
        resumed = self._resuming.get(call_id)
        if resumed is None:
            resumed = self._resuming[call_id] = asyncio.get_running_loop().create_future()
            self._scheduler.resume(self.entries[call_id].candidate)
            self._pump()
        return asyncio.shield(resumed)

    def _pump(self) -> None:
        while not self._is_closed and (grant := self._scheduler.next()) is not None:
            call_id = grant.candidate.call_id
            if grant.resumed:
                self.runs[call_id].is_waiting = False
                self._resuming.pop(call_id).set_result(None)
            else:
                task = asyncio.get_running_loop().create_task(self._carry(self.entries[call_id]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _carry(self, entry: Entry) -> None:
        """Bring a call that has a slot one attempt further."""
        candidate, call = entry.candidate, entry.claimed
        outcome: Outcome | None = None
        words = ""
        try:
            if call is None:
                call = await self._storage.run(
                    lambda storage: storage.calls.claim(self.owner, candidate.call_id, LEASE_SECONDS)
                )
            if call is not None:
                outcome = await self._attempt(entry, call)
        except WorkerLost as error:
            words = str(error)
        except FunctionError as error:
            if call is None:
                self.endings.fail(candidate.call_id, error)
            outcome = Outcome(status=1, failure=Failure.INTERNAL, error=str(error))
        except Exception:
            _log.exception("call %s", candidate.call_id)
            outcome = Outcome(status=1, failure=Failure.INTERNAL, error="a defect; the server's log has more")
        finally:
            self.runs.pop(candidate.call_id, None)
            if (resuming := self._resuming.pop(candidate.call_id, None)) is not None:
                resuming.cancel()
            self._scheduler.end(candidate)
            self._pump()
        if call is None:
            self.entries.pop(candidate.call_id, None)
            self._on_elsewhere()  # another runs it, or has run it
        elif outcome is not None:
            await self._finish(call, outcome)
        else:
            await self._begin_again(entry, call, words)

    async def _attempt(self, entry: Entry, call: Call) -> Outcome:
        if call.attempt > MAX_ATTEMPTS:
            return _died_with_workers("whoever ran it ended")
        await self._code.unpack(entry.function)
        worker = await self._pool.take(entry.candidate.function)
        run = self.runs[call.id] = Run(call, entry.function, worker, self)
        others = self._scheduler.instances(entry.candidate.function) + self._pool.ready(entry.candidate.function)
        outcome = await run.result(self._pool.kill, ahead=int(others <= entry.candidate.instances))
        self._pool.release(worker, last=run.is_last)
        if run.has_locks:  # a call that had to be ended with its process could not unlock them
            await self._unlock(call)
        if outcome.failure == Failure.INTERNAL:
            self._code.doubt(entry.function)
        return outcome

    async def _finish(self, call: Call, outcome: Outcome) -> None:
        try:
            kept = await self._storage.run(lambda storage: storage.calls.finish(call.id, self.owner, outcome))
        except StorageError:
            # Whoever waits here gets the outcome all the same; it is kept as soon as that is possible.
            self._unsaved[call.id] = outcome
            kept = True
        self.entries.pop(call.id, None)
        if kept:
            ended = time.time()
            self.tally.count(outcome, ended - call.created)
            state = CallState.FAILED if outcome.failure else CallState.SUCCEEDED
            self.endings.end(dataclasses.replace(call, state=state, ended=ended, outcome=outcome))

    async def _begin_again(self, entry: Entry, call: Call, words: str) -> None:
        self.tally.attempts_lost += 1
        await self._unlock(call)
        if call.attempt >= MAX_ATTEMPTS:
            await self._finish(call, _died_with_workers(words))
            return
        is_queued = await self._give_back(call.id)
        # What cannot be given back stays ours, and is begun again without being claimed.
        claimed = None if is_queued else dataclasses.replace(call, attempt=call.attempt + 1)
        self.entries[call.id] = dataclasses.replace(entry, claimed=claimed)
        self._scheduler.add(entry.candidate)
        self._pump()

    async def _unlock(self, call: Call) -> None:
        with suppress(StorageError):  # their leases end
            await self._storage.run(lambda storage: storage.locks.release_all(call.id))

    async def _give_back(self, call_id: str) -> bool:
        try:
            await self._storage.run(lambda storage: storage.calls.give_back(call_id, self.owner))
        except StorageError:
            return False
        return True

    def _refuse(self, storage: Storage, call: Call) -> Call:
        """End a call whose function is gone; on the storage's thread."""
        words = f"function {call.user}/{call.function} has no version {call.version} any more"
        if storage.calls.claim(self.owner, call.id, LEASE_SECONDS) is not None:
            storage.calls.finish(call.id, self.owner, Outcome(status=1, failure=Failure.REFUSED, error=words))
        return storage.calls.get(call.id)


def _died_with_workers(words: str) -> Outcome:
    error = f"the call was begun {MAX_ATTEMPTS} times, and each time its worker died; the last time {words}"
    return Outcome(status=1, failure=Failure.WORKER, error=error)
