"""Split a module into sections without looking into them.

Format: WebAssembly core specification, "Modules" in chapter "Binary Format". The tag section (13) comes from
the exception handling proposal.
"""

from dataclasses import dataclass
from mmap import mmap

from pywasm_binary.cursor import U32_MAX_BYTES, Cursor
from pywasm_binary.errors import MalformedModule
from pywasm_binary.limits import MAX_MODULE_BYTES, MAX_NAME_BYTES, MAX_SECTIONS

HEADER = b"\0asm\x01\0\0\0"
_PREAMBLE_WINDOW = 16

CUSTOM = 0
TYPE = 1
IMPORT = 2
FUNCTION = 3
TABLE = 4
MEMORY = 5
GLOBAL = 6
EXPORT = 7
START = 8
ELEMENT = 9
CODE = 10
DATA = 11
DATA_COUNT = 12
TAG = 13


@dataclass(frozen=True, kw_only=True)
class Section:
    """Hold where a section's content lies: bytes `start` to `end`; only a custom one has a `name`."""

    id: int
    start: int
    end: int
    name: str = ""

    def cursor(self, data: bytes | mmap) -> Cursor:
        """Copy the section's content out of the module and start reading it."""
        return Cursor(data[self.start : self.end], self.start)


def split_sections(data: bytes | mmap) -> tuple[Section, ...]:
    """List a module's sections in order; raise MalformedModule if they overlap its end or repeat."""
    if len(data) > MAX_MODULE_BYTES:
        raise MalformedModule(0, f"{len(data)} bytes, more than {MAX_MODULE_BYTES}")
    if data[: len(HEADER)] != HEADER:
        raise MalformedModule(0, "not a wasm module (no \\0asm version 1 header)")
    sections: list[Section] = []
    seen: set[int] = set()
    position = len(HEADER)
    while position < len(data):
        section = _read_header(data, position)
        if section.id != CUSTOM and section.id in seen:
            raise MalformedModule(position, f"section {section.id} occurs twice")
        if len(sections) >= MAX_SECTIONS:
            raise MalformedModule(position, f"more than {MAX_SECTIONS} sections")
        seen.add(section.id)
        sections.append(section)
        position = section.end
    return tuple(sections)


def _read_header(data: bytes | mmap, position: int) -> Section:
    window = Cursor(data[position : position + _PREAMBLE_WINDOW], position)
    section_id = window.u8()
    if section_id > TAG:
        raise MalformedModule(position, f"unknown section {section_id}")
    size = window.u32()
    start = window.offset
    if size > len(data) - start:
        raise MalformedModule(start, f"section {section_id} of {size} bytes, {len(data) - start} left")
    if section_id != CUSTOM:
        return Section(id=section_id, start=start, end=start + size)
    # Debug information may be large: copy no more than the longest name and its length.
    content = Cursor(data[start : start + min(size, MAX_NAME_BYTES + U32_MAX_BYTES)], start)
    name = content.name()
    return Section(id=CUSTOM, start=content.offset, end=start + size, name=name)
