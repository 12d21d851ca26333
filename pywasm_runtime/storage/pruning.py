"""Remove what nobody needs any more: old calls, code of deleted functions, leases that ended long ago."""

import time

from pywasm_runtime.storage.database import Database
from pywasm_runtime.storage.functions import remove_unneeded

MAX_PRUNED = 1000
"""How many calls one step removes: others wait for it."""

_FREED_PAGES = 1000

# A parent that is begun again looks for its children's results: they stay until all of the tree have ended.
_PRUNE = """DELETE FROM calls WHERE number IN (
    SELECT number FROM calls WHERE state IN ('succeeded', 'failed') AND ended IS NOT NULL AND ended < ?
    AND substr(id, 1, 32) NOT IN (SELECT substr(id, 1, 32) FROM calls WHERE ended IS NULL)
    LIMIT ?)"""


def prune(database: Database, older_than_seconds: float, limit: int = MAX_PRUNED) -> int:
    """Remove up to `limit` calls that ended longer ago; gives how many. Where it is `limit`, there may be more."""
    now = time.time()
    with database.write():
        removed = database.execute(_PRUNE, (now - older_than_seconds, limit))
        database.execute("DELETE FROM locks WHERE expires < ?", (now - older_than_seconds,))
        remove_unneeded(database)
    database.rows(f"PRAGMA incremental_vacuum({_FREED_PAGES})")
    return removed
