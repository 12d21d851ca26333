"""Keep calls: from their acceptance, through being run under a lease, to their outcome.

A call is run at least once. Whoever runs it owns it as long as the lease is renewed; then another may begin it again.
"""

import secrets
import time

from pywasm_runtime.functions.errors import Busy, Denied, NotFound
from pywasm_runtime.functions.model import Call, CallRequest, CallState, Outcome
from pywasm_runtime.functions.names import check_call_id, check_entry, check_function, check_user, quote
from pywasm_runtime.storage.call_rows import HEAD, WHOLE, outcome_values, read_call
from pywasm_runtime.storage.database import Database, Value
from pywasm_runtime.storage.functions import Functions
from pywasm_runtime.storage.pruning import MAX_PRUNED, prune

_MAX_LISTED = 10_000

_CLAIM = """UPDATE calls SET state = 'running', owner = :owner, lease = :lease, started = :now, attempt = attempt + 1
    WHERE id = :id AND (state = 'queued' OR (state = 'running' AND lease < :now))"""
_EXPIRED = "SELECT id, depth, number FROM calls WHERE state = 'running' AND lease < ?"
_QUEUED = "SELECT id, depth, number FROM calls WHERE state = 'queued' ORDER BY depth DESC, number LIMIT ?"
_FINISH = """UPDATE calls SET state = ?, ended = ?, status = ?, failure = ?, error = ?, seconds = ?, cpu_seconds = ?,
    memory_bytes = ?, owner = NULL, lease = NULL WHERE id = ? AND owner = ? AND state = 'running' RETURNING number"""
_FINISH_DATA = "UPDATE call_data SET output = ?, stdout = ?, stderr = ?, traceback = ? WHERE number = ?"


class Calls:
    """Accept, hand out and end calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._functions = Functions(database)

    def submit(
        self,
        request: CallRequest,
        *,
        queue_limit: int | None = None,
        owner: str | None = None,
        lease_seconds: float = 0.0,
    ) -> Call:
        """Accept a call: it is on disk when this returns. A request with a known id gives the call that has it.

        With `owner` the new call is claimed in the same step. Raises NotFound for the function or version, Busy if
        `queue_limit` calls are queued, Denied if the id is of another user's call.
        """
        check_user(request.user)
        check_function(request.function)
        call_id = check_call_id(request.call_id or secrets.token_hex(16))
        with self._database.write():
            if request.call_id is not None and (known := self._known(call_id, request.user)):
                return known
            if queue_limit is not None and owner is None and self._queued() >= queue_limit:
                raise Busy(f"{queue_limit} calls are queued already; try again later")
            self._insert(call_id, request)
            if owner is not None:
                self._claim(owner, call_id, lease_seconds)
            return self.get(call_id)

    def get(self, call_id: str, user: str | None = None) -> Call:
        """Give a call with everything; raises NotFound, also if `user` is given and it is another user's."""
        call = self._find(check_call_id(call_id))
        if call is None or user not in (None, call.user):
            raise NotFound(f"there is no call {call_id} (any more)")
        return call

    def claim(self, owner: str, call_id: str, lease_seconds: float) -> Call | None:
        """Begin a call, unless another runs or has run it."""
        with self._database.write():
            return self.get(call_id) if self._claim(owner, check_call_id(call_id), lease_seconds) else None

    def claimable(self, limit: int) -> list[str]:
        """Give the ids of calls that wait for being run: the deepest first, among these the oldest."""
        limit = _bounded(limit)
        rows = self._database.rows(_QUEUED, (limit,)) + self._database.rows(_EXPIRED, (time.time(),))
        rows.sort(key=lambda row: (-int(row[1] or 0), int(row[2] or 0)))
        return [str(row[0]) for row in rows[:limit]]

    def renew_leases(self, owner: str, lease_seconds: float) -> int:
        """Keep all running calls of an owner; gives how many there are."""
        return self._database.execute(
            "UPDATE calls SET lease = ? WHERE owner = ? AND state = 'running'", (time.time() + lease_seconds, owner)
        )

    def finish(self, call_id: str, owner: str, outcome: Outcome) -> bool:
        """Keep how a call ended; False if another has taken it over, or it has ended."""
        head, data = outcome_values(outcome)
        state = CallState.FAILED if outcome.failure else CallState.SUCCEEDED
        with self._database.write():
            ended = self._database.rows(_FINISH, (state, time.time(), *head, check_call_id(call_id), owner))
            if ended:
                self._database.execute(_FINISH_DATA, (*data, *ended[0]))
        return bool(ended)

    def give_back(self, call_id: str, owner: str) -> bool:
        """Queue a running call again, so that anyone may begin it; False if `owner` does not run it."""
        changed = self._database.execute(
            "UPDATE calls SET state = 'queued', owner = NULL, lease = NULL"
            " WHERE id = ? AND owner = ? AND state = 'running'",
            (check_call_id(call_id), owner),
        )
        return changed > 0

    def recent(self, user: str | None, limit: int) -> list[Call]:
        """Give the newest calls, of one user or of all, without input, output, logs and traceback."""
        where, values = ("WHERE user = ?", [check_user(user)]) if user is not None else ("", [])
        rows = self._database.rows(
            f"SELECT {HEAD} FROM calls {where} ORDER BY number DESC LIMIT ?", (*values, _bounded(limit))
        )
        return [read_call(self._database, row) for row in rows]

    def counts(self) -> dict[CallState, int]:
        """Count the calls that are kept, by their state."""
        running = self._database.number("SELECT count(*) FROM calls WHERE state = 'running'")
        counts = {CallState.QUEUED: self._queued(), CallState.RUNNING: running}
        for state in (CallState.SUCCEEDED, CallState.FAILED):
            # Said so, it is answered from the index of ended calls.
            query = "SELECT count(*) FROM calls WHERE ended IS NOT NULL AND state = ?"
            counts[state] = self._database.number(query, (state,))
        return counts

    def prune(self, older_than_seconds: float, limit: int = MAX_PRUNED) -> int:
        """Remove up to `limit` calls that ended longer ago, and what only they needed; gives how many calls.

        Where it is `limit` there may be more. What belongs to a call that has not ended, such as its children, stays.
        """
        return prune(self._database, older_than_seconds, limit)

    def _insert(self, call_id: str, request: CallRequest) -> None:
        function = (
            self._functions.current(request.user, request.function)
            if request.version is None
            else self._functions.version(request.user, request.function, request.version)
        )
        entry = check_entry(function.settings.entry if request.entry is None else request.entry)
        head: tuple[Value, ...] = (call_id, request.user, request.function, function.version, entry)
        number = self._database.insert(
            "INSERT INTO calls (id, user, function, version, entry, depth, state, created)"
            " VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
            (*head, call_id.count("."), time.time()),
        )
        self._database.execute("INSERT INTO call_data (number, input) VALUES (?, ?)", (number, request.input))

    def _claim(self, owner: str, call_id: str, lease_seconds: float) -> bool:
        now = time.time()
        values: dict[str, Value] = {"owner": owner, "lease": now + lease_seconds, "now": now, "id": call_id}
        return self._database.execute(_CLAIM, values) > 0

    def _known(self, call_id: str, user: str) -> Call | None:
        call = self._find(call_id)
        if call is not None and call.user != user:
            raise Denied(f"call {quote(call_id)} is of another user")
        return call

    def _find(self, call_id: str) -> Call | None:
        row = self._database.row(
            f"SELECT {HEAD}, {WHOLE} FROM calls JOIN call_data USING (number) WHERE id = ?", (call_id,)
        )
        return read_call(self._database, row) if row else None

    def _queued(self) -> int:
        return self._database.number("SELECT count(*) FROM calls WHERE state = 'queued'")


def _bounded(limit: int) -> int:
    return max(0, min(limit, _MAX_LISTED))
