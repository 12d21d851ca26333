"""Small relocatable wasm objects and `ar` archives, as a compiler and an archiver would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pywasm_binary import sections as ids
from pywasm_binary.object import AR_MAGIC, DATA, FUNCTION, SECTION
from pywasm_binary.sections import HEADER
from pywasm_binary.types import FuncType
from pywasm_binary.writer import custom_section, func_type, name, section, uleb, vector

WEAK, LOCAL, HIDDEN, UNDEFINED, EXPLICIT_NAME = 1, 2, 4, 0x10, 0x40


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One symbol; an undefined function without EXPLICIT_NAME has the name of its import."""

    name: str
    kind: int = FUNCTION
    flags: int = 0

    def encode(self, imports: Sequence[str]) -> bytes:
        head = bytes([self.kind]) + uleb(self.flags)
        if self.kind == SECTION:
            return head + uleb(0)
        if self.kind == DATA:
            return head + name(self.name) + (b"" if self.flags & UNDEFINED else uleb(0) + uleb(0) + uleb(4))
        if self.flags & UNDEFINED and not self.flags & EXPLICIT_NAME:
            return head + uleb(imports.index(self.name))
        return head + uleb(0) + name(self.name)


def symbol_table(*entries: Entry, version: int = 2) -> bytes:
    imports = [e.name for e in entries if e.kind == FUNCTION and e.flags & UNDEFINED]
    # Another subsection in front (5: segment information, none) must be passed over.
    table = section(5, uleb(0)) + section(8, vector([entry.encode(imports) for entry in entries]))
    return custom_section("linking", uleb(version) + table)


def wasm_object(*entries: Entry, version: int = 2) -> bytes:
    imports = [e.name for e in entries if e.kind == FUNCTION and e.flags & UNDEFINED]
    described = [name("env") + name(one) + b"\x00" + uleb(0) for one in imports]
    types = section(ids.TYPE, vector([func_type(FuncType(params=(), results=()))]))
    head = HEADER + types + section(ids.IMPORT, vector(described))
    return head + symbol_table(*entries, version=version)


def defining(*names: str, flags: int = 0) -> bytes:
    return wasm_object(*(Entry(name=one, flags=flags) for one in names))


def ar_header(member: str, size: int | str) -> bytes:
    return f"{member:<16}{'0':<12}{'0':<6}{'0':<6}{'644':<8}{size:<10}`\n".encode()


def ar_member(member: str, content: bytes) -> bytes:
    return ar_header(member, len(content)) + content + b"\n" * (len(content) % 2)


def ar_archive(*members: tuple[str, bytes]) -> bytes:
    """Write an archive as GNU's ar does, with an index and a table of long names."""
    table = b""
    written = []
    for member, content in members:
        title = f"{member}/"
        if len(title) > 16:
            title = f"/{len(table)}"
            table += f"{member}/\n".encode()
        written.append(ar_member(title, content))
    index = ar_member("/", b"\0\0\0\0")
    return AR_MAGIC + index + (ar_member("//", table) if table else b"") + b"".join(written)
