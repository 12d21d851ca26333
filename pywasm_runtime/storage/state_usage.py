"""Count what each user's state takes, so that a limit costs one row to check."""

from pywasm_runtime.functions.errors import LimitExceeded
from pywasm_runtime.functions.names import quote
from pywasm_runtime.storage.database import Database

MAX_VALUE_BYTES = 1 << 30
"""What one value may have: it must fit into a guest's memory, and into that of the process around it."""

MAX_ITEMS = 100_000
"""How many keys and appended entries a user may have: each takes room even if it holds nothing."""


def check_value_size(key: str, size: int) -> None:
    """Refuse what is too large whatever the user's limit is."""
    if not 0 <= size <= MAX_VALUE_BYTES:
        raise LimitExceeded(f"state key {quote(key)}: a value of {size} bytes; it may have {MAX_VALUE_BYTES}")


def usage(database: Database, user: str) -> int:
    """Give the bytes that a user's state takes."""
    return database.number("SELECT bytes FROM state_usage WHERE user = ?", (user,))


def grow(database: Database, user: str, key: str, size: int, *, items: int, limit: int | None) -> None:
    """Count `size` bytes and `items` more, within a transaction; LimitExceeded if they are too many."""
    row = database.row("SELECT bytes, items FROM state_usage WHERE user = ?", (user,)) or (0, 0)
    total, count = int(row[0] or 0) + size, int(row[1] or 0) + items
    check_total(user, key, size, total, limit)
    check_items(user, key, items, count)
    database.execute("INSERT OR REPLACE INTO state_usage VALUES (?, ?, ?)", (user, max(total, 0), max(count, 0)))


def check_total(user: str, key: str, more: int, total: int, limit: int | None) -> None:
    """Refuse to let a user's state grow to `total` bytes; to let it shrink is always right."""
    if more > 0 and limit is not None and total > limit:
        raise LimitExceeded(
            f"state key {quote(key)}: {more} bytes more would make {total} bytes of state for user {user};"
            f" the limit is {limit} bytes; delete keys, or raise the limit 'state' of the function"
        )


def check_items(user: str, key: str, more: int, count: int) -> None:
    """Refuse to let a user have `count` keys and entries."""
    if more > 0 and count > MAX_ITEMS:
        raise LimitExceeded(f"state key {quote(key)}: user {user} has {MAX_ITEMS} keys and entries; delete some")
