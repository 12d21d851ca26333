"""Show progress on a terminal as one line that is rewritten, elsewhere as few plain lines; print tables.

Several threads can have something under way at once: the one line of a terminal then names all of it.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

_FRAMES = "|/-\\"
_REDRAW_SECONDS = 0.1
# Compiler commands are long, and a log of their beginnings is as good.
_SPARSE_WIDTH = 100
_SPARSE_SECONDS = 30.0
# What is under way in this process, and whose turn it is to write.
_live: list[Status] = []
_turn = threading.RLock()


def human_size(size: float) -> str:
    """Return a number of bytes with its unit: 512 B, 1.5 MB (powers of 1000)."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def human_seconds(seconds: float) -> str:
    """Return a duration: 0.4 s, 12 s, 3 min 05 s."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


class Status:
    """Show that something is under way: a context manager around it.

    On a terminal one line is rewritten with the title, the elapsed time and the last detail. Elsewhere the
    title is printed at the start, then a line each half minute, so that no log looks dead.
    """

    def __init__(self, title: str, *, stream: TextIO | None = None) -> None:
        self.title = title
        self._stream = sys.stderr if stream is None else stream
        self._tty = self._stream.isatty()
        self._started = self._drawn = time.monotonic()
        self._frame = 0

    def __enter__(self) -> Self:
        self._started = self._drawn = time.monotonic()
        with _turn:
            _live.append(self)
            if self._tty:
                self._draw("")
            else:
                say(f"{self.title} ...", self._stream)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _turn:
            _live.remove(self)
            if self._tty:
                _clear(self._stream)
                _redraw(self._stream)
            if kind is None and (self._tty or self.elapsed >= 2):
                say(f"{self.title}: done in {human_seconds(self.elapsed)}", self._stream)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def update(self, detail: str = "") -> None:
        """Say what is happening right now; cheap enough to be called for each line of output."""
        now = time.monotonic()
        if now - self._drawn < (_REDRAW_SECONDS if self._tty else _SPARSE_SECONDS):
            return
        self._drawn = now
        if self._tty:
            self._draw(detail)
        else:
            short = _printable(detail)[:_SPARSE_WIDTH]
            say(f"{self.title}: {human_seconds(self.elapsed)}  {short}".rstrip(), self._stream)

    def _draw(self, detail: str) -> None:
        """Rewrite the terminal's line: all that is under way, and what this one is at."""
        with _turn:
            self._frame += 1
            frame = _FRAMES[self._frame % len(_FRAMES)]
            titles = [f"{one.title}  {human_seconds(one.elapsed)}" for one in _on(self._stream)]
            text = f"{frame} {' | '.join(titles)}  {_printable(detail)}"
            width = max(shutil.get_terminal_size().columns - 1, 20)
            _clear(self._stream)
            self._stream.write(text[:width].rstrip())
            self._stream.flush()


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line on `stream` (stderr by default), whatever is under way there."""
    out = sys.stderr if stream is None else stream
    with _turn:
        if _on(out):
            _clear(out)
        out.write(line + "\n")
        _redraw(out)
        out.flush()


def _on(stream: TextIO) -> list[Status]:
    """Return what shows its progress on a terminal."""
    return [one for one in _live if one._stream is stream and one._tty]


def _clear(stream: TextIO) -> None:
    stream.write("\r\x1b[K")
    stream.flush()


def _redraw(stream: TextIO) -> None:
    if under_way := _on(stream):
        under_way[-1]._draw("")


class Bar(Status):
    """Show how much of a download has arrived, and how fast; `total` is in bytes, None when unknown."""

    def __init__(self, title: str, total: int | None, *, stream: TextIO | None = None) -> None:
        super().__init__(title, stream=stream)
        self.total = total
        self.done = 0

    def advance(self, count: int) -> None:
        """Add `count` bytes."""
        self.done += count
        self.update(self._text())

    def _text(self) -> str:
        speed = f"{human_size(self.done / max(self.elapsed, 0.001))}/s"
        if not self.total:
            return f"{human_size(self.done)}  {speed}"
        share = min(self.done / self.total, 1.0)
        filled = round(share * 20)
        bar = "#" * filled + "." * (20 - filled)
        return f"[{bar}] {share:4.0%} of {human_size(self.total)}  {speed}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text in aligned columns under a head, without trailing blanks."""
    lines = [tuple(_printable(cell) for cell in line) for line in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join(text.rstrip() for text in (texts[0], rule, *texts[1:]))


def summary(rows: Sequence[tuple[str, str, int | None, float | None]]) -> str:
    """Return the closing table of a task: what was made, its version, bytes and seconds (None: not known)."""
    return table(
        ("what", "version", "size", "time"),
        [
            (
                what,
                version,
                "-" if size is None else human_size(size),
                "-" if seconds is None else human_seconds(seconds),
            )
            for what, version, size, seconds in rows
        ],
    )


def _printable(text: str) -> str:
    """Drop control characters: the output of a build must not drive the terminal."""
    return "".join(letter for letter in text if letter.isprintable())
