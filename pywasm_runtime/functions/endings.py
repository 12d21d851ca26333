"""Let any number of coroutines wait for the end of a call."""

import asyncio

from pywasm_runtime.functions.model import Call


class Endings:
    """Hold who waits for which call."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[Call]]] = {}

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._waiting

    def expect(self, call_id: str) -> asyncio.Future[Call]:
        """Give a future of the ended call; cancel it if nobody waits for it any more."""
        future: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(call_id, set()).add(future)
        future.add_done_callback(lambda done: self._forget(call_id, done))
        return future

    def ids(self) -> list[str]:
        """Name the calls that somebody waits for."""
        return list(self._waiting)

    def end(self, call: Call) -> None:
        """Tell all who wait for a call that it has ended."""
        for future in self._waiting.pop(call.id, ()):
            if not future.done():
                future.set_result(call)

    def fail(self, call_id: str, error: Exception) -> None:
        """Tell all who wait for a call that its end cannot be known here."""
        for future in self._waiting.pop(call_id, ()):
            if not future.done():
                future.set_exception(error)

    def _forget(self, call_id: str, future: asyncio.Future[Call]) -> None:
        futures = self._waiting.get(call_id)
        if futures is not None:
            futures.discard(future)
            if not futures:
                del self._waiting[call_id]
