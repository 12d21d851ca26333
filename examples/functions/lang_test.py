"""Use what the language and its standard library have, and print to both streams."""

import asyncio
import re
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pywasm_host as host


@dataclass(frozen=True, order=True)
class Point:
    """Be a value with two fields."""

    x: int
    y: int


class Node:
    """Be something that can be referred to weakly."""


def faasm_main() -> None:
    """Check each part, and write the names of those that hold."""
    print("stdout works")
    print("stderr works", file=sys.stderr)
    checks = {
        "numbers": 7**77 % 1000 == 207 and Decimal("0.1") * 3 == Decimal("0.3") and Fraction(1, 3) * 3 == 1,
        "texts": "Größe".casefold() == "grösse" and f"{1234.5:>10,.1f}" == "   1,234.5",
        "lists": [*range(3), *squares(3)] == [0, 1, 2, 0, 1, 4],
        "classes": sorted([Point(2, 1), Point(1, 2)])[0] == Point(1, 2),
        "patterns": kind_of({"at": Point(0, 3)}) == "on the y axis at 3",
        "expressions": re.findall(r"\b\w(?=\d)", "a1 b2 c") == ["a", "b"],
        "exceptions": caught() == ["KeyError", "ValueError"],
        "weak references": is_collected(),
        "coroutines": asyncio.run(added(1, 2)) == 3,
    }
    if failed := [name for name, holds in checks.items() if not holds]:
        raise ValueError(f"these do not hold: {', '.join(failed)}")
    host.write_output_text(", ".join(checks))


def squares(count: int) -> Iterator[int]:
    """Give square numbers, one by one."""
    for number in range(count):
        yield number * number


def kind_of(value: object) -> str:
    """Look into a value with patterns."""
    match value:
        case {"at": Point(x=0, y=y)}:
            return f"on the y axis at {y}"
        case _:
            return "elsewhere"


def caught() -> list[str]:
    """Catch a group of exceptions."""
    names = []
    try:
        raise ExceptionGroup("two", [KeyError("a"), ValueError("b")])
    except* KeyError as group:
        names += [type(error).__name__ for error in group.exceptions]
    except* ValueError as group:
        names += [type(error).__name__ for error in group.exceptions]
    return names


def is_collected() -> bool:
    """Tell whether an object goes when nothing refers to it."""
    node = Node()
    reference = weakref.ref(node)
    alive = reference() is node
    del node
    return alive and reference() is None


async def added(one: int, other: int) -> int:
    """Add after a pause."""
    await asyncio.sleep(0)
    return one + other
