"""Write tables in Markdown, for the pages that tasks make."""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPED = {"|": "\\|", "<": "&lt;", "*": "\\*", "_": "\\_"}


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of plain texts under a head; "None." if it has no rows."""
    if not rows:
        return "None."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return "".join(_ESCAPED.get(letter, letter) for letter in text)
