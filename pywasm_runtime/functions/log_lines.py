"""Keep what a call logs, up to a limit."""

_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_NO_MORE = b"[... the log is over its limit of %d bytes: the rest is left out]\n"


class LogLines:
    """Collect lines `LEVEL message`; what is over `limit` bytes is left out, and a last line says so."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, level: int, text: str) -> None:
        """Keep one message; `level` is a number as the module logging has it."""
        if self._size > self._limit:
            return
        line = f"{_LEVELS.get(level, f'LEVEL {level}')} {text}\n".encode("utf-8", "backslashreplace")
        self._size += len(line)
        self._lines.append(line if self._size <= self._limit else _NO_MORE % self._limit)

    def after(self, printed: bytes) -> bytes:
        """Give all lines after what the call printed itself, cut at the limit."""
        logged = b"".join(self._lines)
        if not logged:
            return printed
        if printed and not printed.endswith(b"\n"):
            printed += b"\n"
        if len(printed) + len(logged) <= self._limit or (self._size > self._limit and not printed):
            return printed + logged
        return (printed + logged)[: self._limit] + b"\n" + _NO_MORE % self._limit
