"""Answer the guest's libffi backend: make functions that call, or are called as, functions of any type.

What was made is kept as plain records. With the guest's memory they are all it takes to make it again in another
store: a record has the table slots that the guest knows, and a thunk's cell the slot where the guest put it.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import wasmtime

from pywasm_runtime.errors import EmbedderError, LinkError
from pywasm_runtime.ffi_modules import (
    CELL_BYTES,
    MAX_PARAMETERS,
    MAX_THUNKS,
    caller_module,
    is_signature,
    thunks_module,
)
from pywasm_runtime.ffi_signature import signature_in_slot
from pywasm_runtime.function_table import FunctionTable
from pywasm_runtime.guest import Guest
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.raw import Extern

MAX_RECORDS = 4096
"""Modules of one process: a guest that makes signatures up without end must not exhaust the host."""

MAX_SLOTS = 1 << 20
"""Table slots of one process that closures may have."""

_NO_SLOT = -1
_CELL = struct.Struct("<II")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Say that `slot` has a function that calls functions of the type `signature`."""

    signature: str
    slot: int


@dataclass(frozen=True, kw_only=True)
class Thunks:
    """Say that `slot` has a function that places `count` thunks; their cells lie at `cells`, they call `dispatch`."""

    signature: str
    slot: int
    count: int
    cells: int
    dispatch: int


class FfiHost:
    """Hold the host functions of one guest, which `guest` gives once it is instantiated, and what they made."""

    def __init__(self, compiled: ModuleCache, guest: Callable[[], Guest]) -> None:
        self._compiled = compiled
        self._find_guest = guest
        self._guest: Guest | None = None
        self._table: FunctionTable | None = None
        self._records: list[Caller | Thunks] = []
        self._slots_given = 0
        self._problem = b""

    @property
    def records(self) -> Sequence[Caller | Thunks]:
        """List what was made, in order."""
        return tuple(self._records)

    def functions(self) -> dict[str, tuple[Callable[..., int], int]]:
        """Map each function's name to its body and its number of parameters; the result is i32."""
        return {
            "ffi_caller": (self._caller, 2),
            "ffi_thunks": (self._thunks, 5),
            "ffi_slots": (self._slots, 1),
            "ffi_type": (self._type, 3),
            "ffi_problem": (self._give_problem, 2),
        }

    def replay(self, records: Iterable[Caller | Thunks]) -> None:
        """Make again what another process of the same guest had, once its memory and its table's size are here."""
        for record in records:
            instance = self._make(record)
            if isinstance(record, Thunks):
                self._place_again(record, instance)

    def _caller(self, text: int, length: int) -> int:
        def act() -> int:
            record = Caller(signature=self._signature(text, length), slot=self._slot_for_record())
            self._make(record)
            return record.slot

        return self._answer(act)

    def _thunks(self, text: int, length: int, cells: int, count: int, dispatch: int) -> int:
        def act() -> int:
            signature = self._signature(text, length)
            if not 0 < count <= MAX_THUNKS:
                raise LinkError(f"{count} thunks at once, not 1 to {MAX_THUNKS}")
            slot = self._slot_for_record()
            self._make(Thunks(signature=signature, slot=slot, count=count, cells=cells, dispatch=dispatch))
            return slot

        return self._answer(act)

    def _slots(self, count: int) -> int:
        def act() -> int:
            if not 0 < count <= MAX_SLOTS - self._slots_given:
                raise LinkError(f"{count} table slots for closures: one process may have {MAX_SLOTS} in all")
            first = self._reserve(count)
            self._slots_given += count
            return first

        return self._answer(act)

    def _type(self, slot: int, buffer: int, capacity: int) -> int:
        """Write the signature of the function in a slot and give its length: 0 for an empty slot, -1 for none."""

        def act() -> int:
            guest = self._require_guest()
            signature = signature_in_slot(guest.space, guest.table, slot)
            if signature is None:
                return _NO_SLOT
            guest.space.write(guest.memory, buffer, signature[:capacity].encode())
            return len(signature)

        return self._answer(act)

    def _give_problem(self, buffer: int, capacity: int) -> int:
        def act() -> int:
            guest, text = self._require_guest(), self._problem[:capacity]
            return len(text) if guest.space.write(guest.memory, buffer, text) else 0

        return self._answer(act)

    def _make(self, record: Caller | Thunks) -> Any:
        guest = self._require_guest()
        instance = self._instance(record)
        export = "caller" if isinstance(record, Caller) else "place"
        guest.space.set_slot(guest.table, record.slot, guest.space.export(instance, export))
        self._records.append(record)
        return instance

    def _instance(self, record: Caller | Thunks) -> Any:
        guest = self._require_guest()
        imports: list[Extern] = [guest.memory, guest.table]
        if isinstance(record, Caller):
            text = caller_module(record.signature)
        else:
            text = thunks_module(record.signature, record.count)
            numbers = [guest.space.new_global(n, mutable=False) for n in (record.cells, record.dispatch)]
            imports += [guest.stack_pointer, *numbers]
        digest = hashlib.sha256(text.encode()).hexdigest()
        module = self._compiled.load(digest, lambda: bytes(wasmtime.wat2wasm(text)), f"calls of {record.signature}")
        return guest.space.instantiate(module, imports)

    def _place_again(self, record: Thunks, instance: Any) -> None:
        guest = self._require_guest()
        cells = guest.space.read(guest.memory, record.cells, CELL_BYTES * record.count) or b""
        place = guest.space.function(instance, "place", 2, 0)
        for number in range(record.count):
            _, slot = _CELL.unpack_from(cells, CELL_BYTES * number)
            if slot:
                guest.space.call(place, number + 1, slot)

    def _slot_for_record(self) -> int:
        if len(self._records) >= MAX_RECORDS:
            raise LinkError(f"more than {MAX_RECORDS} signatures in one process")
        return self._reserve(1)

    def _reserve(self, count: int) -> int:
        guest = self._require_guest()
        if self._table is None:
            self._table = FunctionTable(guest.space, guest.table)
        return self._table.reserve(count)

    def _signature(self, text: int, length: int) -> str:
        guest = self._require_guest()
        content = guest.space.read(guest.memory, text, length) if length <= MAX_PARAMETERS + 2 else None
        signature = "" if content is None else content.decode("ascii", "replace")
        if not is_signature(signature):
            raise LinkError(f"no signature of a function at {text:#x}")
        return signature

    def _require_guest(self) -> Guest:
        if self._guest is None:
            self._guest = self._find_guest()
        return self._guest

    def _answer(self, act: Callable[[], int]) -> int:
        try:
            return act()
        except EmbedderError as error:
            self._problem = str(error).encode()
        except Exception as error:  # a defect of ours: the guest gets an error it can report, not a dead process
            self._problem = f"internal error of the ffi host: {type(error).__name__}: {error}".encode()
        return 0
