"""Keep the locks on state keys: across all machines, each with a lease, so that a dead holder keeps none for long."""

import time

from pywasm_runtime.functions.errors import LimitExceeded
from pywasm_runtime.functions.names import check_key, check_user, quote
from pywasm_runtime.storage.database import Database

LEASE_SECONDS = 10.0
MAX_LOCKS = 1000
"""How many keys one holder may have locked at once."""

_OTHERS = "SELECT count(*) FROM locks WHERE user = ? AND key = ? AND holder != ? AND expires > ? AND (exclusive OR ?)"
_OWN_OTHERS = "SELECT count(*) FROM locks WHERE holder = ? AND (user, key) != (?, ?)"


class Locks:
    """Acquire and release locks; `holder` is a call's id.

    A holder may acquire a lock again, and must release it as often. Whoever has it shared gets it exclusive only if
    nobody else has it, and then has it so until it is released for good.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, user: str, key: str, holder: str, exclusive: bool, lease_seconds: float = LEASE_SECONDS) -> bool:
        """Try to lock; False if another holder is in the way. Raises LimitExceeded for too many locks."""
        wanted = (check_user(user), check_key(key), holder)
        # Whoever waits asks again and again: that must not keep others from writing.
        if self._database.number(_OTHERS, (*wanted, time.time(), int(exclusive))):
            return False
        with self._database.write():
            now = time.time()
            if self._database.number(_OTHERS, (*wanted, now, int(exclusive))):
                return False
            self._database.execute("DELETE FROM locks WHERE user = ? AND key = ? AND expires <= ?", (*wanted[:2], now))
            if self._database.number(_OWN_OTHERS, (holder, *wanted[:2])) >= MAX_LOCKS:
                raise LimitExceeded(f"state key {quote(key)} cannot be locked: the call has {MAX_LOCKS} locks already")
            self._database.execute(
                "INSERT INTO locks VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT (user, key, holder) DO UPDATE SET"
                " depth = depth + 1, exclusive = max(exclusive, excluded.exclusive), expires = excluded.expires",
                (*wanted, int(exclusive), now + lease_seconds),
            )
        return True

    def renew(self, holder: str, lease_seconds: float = LEASE_SECONDS) -> int:
        """Keep all locks of a holder for longer; gives how many there are. What another has taken over is gone."""
        return self._database.execute(
            "UPDATE locks SET expires = ? WHERE holder = ?", (time.time() + lease_seconds, holder)
        )

    def release(self, user: str, key: str, holder: str) -> bool:
        """Release a lock once; False if the holder does not have it (any more)."""
        wanted = (check_user(user), check_key(key), holder)
        with self._database.write():
            where = "user = ? AND key = ? AND holder = ?"
            held = self._database.execute(f"UPDATE locks SET depth = depth - 1 WHERE {where}", wanted)
            self._database.execute(f"DELETE FROM locks WHERE {where} AND depth <= 0", wanted)
        return held > 0

    def release_all(self, holder: str) -> int:
        """Release all locks of a holder, for a call that has ended; gives how many there were."""
        if not self._database.row("SELECT 1 FROM locks WHERE holder = ?", (holder,)):
            return 0  # most calls have none, and a transaction would cost them time
        return self._database.execute("DELETE FROM locks WHERE holder = ?", (holder,))
