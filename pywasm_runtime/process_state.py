"""Say what a process is, apart from its memory: plain values that hold in any store of the same program.

With a copy of the memory, a process can be made from it again. Format 1: JSON, one object.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pywasm_runtime.errors import ImageError
from pywasm_runtime.ffi_host import FfiState, Thunks
from pywasm_runtime.linker import LinkerState, LoadedLibrary
from pywasm_runtime.wiring import FromHost, FromMain, FromPart, Number, Part, Source

FORMAT = 1
_KINDS: dict[str, type[Any]] = {"main": FromMain, "part": FromPart, "host": FromHost, "number": Number}
_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class ProcessState:
    """Hold a process without its memory.

    program: the main module's sha256; memory_bytes, table_slots: sizes; stack_pointer: its value between two calls
    into the guest; parts and fills: what `Wiring` noted; linker, ffi: what these know.
    """

    program: str
    memory_bytes: int
    table_slots: int
    stack_pointer: int
    parts: Sequence[Part]
    fills: Mapping[int, Source]
    linker: LinkerState
    ffi: FfiState

    def to_json(self) -> bytes:
        """Write the state down."""
        plain = {
            "format": FORMAT,
            "program": self.program,
            "memory_bytes": self.memory_bytes,
            "table_slots": self.table_slots,
            "stack_pointer": self.stack_pointer,
            "parts": [_part_to_plain(part) for part in self.parts],
            "fills": [[slot, _source_to_plain(source)] for slot, source in self.fills.items()],
            "linker": asdict(self.linker),
            "ffi": asdict(self.ffi),
        }
        return json.dumps(plain).encode()


def state_from_json(text: bytes) -> ProcessState:
    """Read what `to_json` wrote; ImageError if it is something else."""
    try:
        plain = json.loads(text)
        if plain["format"] != FORMAT:
            raise ImageError(f"an image of format {plain['format']}, not {FORMAT}")
        return ProcessState(
            program=plain["program"],
            memory_bytes=plain["memory_bytes"],
            table_slots=plain["table_slots"],
            stack_pointer=plain["stack_pointer"],
            parts=[_part_from_plain(part) for part in plain["parts"]],
            fills={slot: _source_from_plain(source) for slot, source in plain["fills"]},
            linker=_linker_from_plain(plain["linker"]),
            ffi=_ffi_from_plain(plain["ffi"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImageError(f"an image that cannot be read ({error!r})") from None


def _source_to_plain(source: Source) -> list[Any]:
    return [_NAMES[type(source)], *(getattr(source, name) for name in source.__dataclass_fields__)]


def _source_from_plain(plain: list[Any]) -> Source:
    source: Source = _KINDS[plain[0]](*plain[1:])
    return source


def _part_to_plain(part: Part) -> dict[str, Any]:
    return {
        "digest": part.digest,
        "label": part.label,
        "sources": [_source_to_plain(source) for source in part.sources],
        "generated": base64.b64encode(part.generated).decode(),
    }


def _part_from_plain(plain: dict[str, Any]) -> Part:
    return Part(
        digest=plain["digest"],
        label=plain["label"],
        sources=tuple(_source_from_plain(source) for source in plain["sources"]),
        generated=base64.b64decode(plain["generated"]),
    )


def _linker_from_plain(plain: dict[str, Any]) -> LinkerState:
    return LinkerState(
        libraries=[LoadedLibrary(**library) for library in plain["libraries"]],
        handles=plain["handles"],
        scope=plain["scope"],
        free=[(first, count) for first, count in plain["free"]],
        addresses=[(owner, name, index, slot) for owner, name, index, slot in plain["addresses"]],
    )


def _ffi_from_plain(plain: dict[str, Any]) -> FfiState:
    return FfiState(
        thunks=[Thunks(**thunks) for thunks in plain["thunks"]],
        modules=plain["modules"],
        slots_given=plain["slots_given"],
        free=[(first, count) for first, count in plain["free"]],
    )
