"""Answer the guest's libffi backend: make functions that call, or are called as, functions of any type.

The process's wiring notes the modules that are made, so a restored process has them again. Which slots the guest filled
with thunks by itself is in its memory: a thunk's cell has the slot.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from pywasm_runtime.guest import MEMORY, STACK_POINTER, TABLE, Guest
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.wiring import FromMain, FromPart, Number, Part, Source

MAX_MODULES = 4096
"""Modules of one process: a guest that makes signatures up without end must not exhaust the host."""

MAX_SLOTS = 1 << 20
"""Table slots of one process that closures may have."""

FFI_FUNCTIONS = {"ffi_caller": 2, "ffi_thunks": 5, "ffi_slots": 1, "ffi_type": 3, "ffi_problem": 2}
"""The functions and their numbers of parameters, all i32, as the result is."""

_NO_SLOT = -1
_CELL = struct.Struct(f"<II{CELL_BYTES - 8}x")


@dataclass(frozen=True, kw_only=True)
class Thunks:
    """Say that the instance `part` has `count` thunks, whose cells lie at `cells`."""

    part: int
    count: int
    cells: int


@dataclass(frozen=True, kw_only=True)
class FfiState:
    """Hold what a process's ffi host knows that is not in the guest: plain values that hold in any store.

    modules, slots_given: counted against the limits; free: ranges of free slots.
    """

    thunks: Sequence[Thunks] = ()
    modules: int = 0
    slots_given: int = 0
    free: Sequence[tuple[int, int]] = ()


class FfiHost:
    """Hold the host functions of one guest, which `guest` gives once it is instantiated, and what they made."""

    def __init__(self, compiled: ModuleCache, guest: Callable[[], Guest]) -> None:
        self._compiled = compiled
        self._find_guest = guest
        self._guest: Guest | None = None
        self._table: FunctionTable | None = None
        self._made: list[Thunks] = []
        self._modules = 0
        self._slots_given = 0
        self._problem = b""

    def functions(self) -> dict[str, Callable[..., int]]:
        """Map each function's name to its body."""
        return {
            "ffi_caller": self._caller,
            "ffi_thunks": self._thunks,
            "ffi_slots": self._slots,
            "ffi_type": self._type,
            "ffi_problem": self._give_problem,
        }

    @property
    def state(self) -> FfiState:
        """Say what was made, so that a restored process can go on from there."""
        free = self._table.free if self._table is not None else ()
        return FfiState(thunks=tuple(self._made), modules=self._modules, slots_given=self._slots_given, free=free)

    def resume(self, state: FfiState) -> None:
        """Go on from where another process of the same guest was, once its memory and its instances are here."""
        self._modules, self._slots_given, self._made = state.modules, state.slots_given, list(state.thunks)
        if state.free:
            self._function_table().adopt(state.free, {})
        for thunks in state.thunks:
            self._place_again(thunks)

    def _caller(self, text: int, length: int) -> int:
        def act() -> int:
            signature = self._signature(text, length)
            slot = self._slot_for_module()
            self._make(signature, caller_module(signature), (FromMain(MEMORY), FromMain(TABLE)), slot, "caller")
            return slot

        return self._answer(act)

    def _thunks(self, text: int, length: int, cells: int, count: int, dispatch: int) -> int:
        def act() -> int:
            signature = self._signature(text, length)
            if not 0 < count <= MAX_THUNKS:
                raise LinkError(f"{count} thunks at once, not 1 to {MAX_THUNKS}")
            slot = self._slot_for_module()
            numbers = (Number(cells, mutable=False), Number(dispatch, mutable=False))
            sources = (FromMain(MEMORY), FromMain(TABLE), FromMain(STACK_POINTER), *numbers)
            part = self._make(signature, thunks_module(signature, count), sources, slot, "place")
            self._made.append(Thunks(part=part, count=count, cells=cells))
            return slot

        return self._answer(act)

    def _slots(self, count: int) -> int:
        def act() -> int:
            if not 0 < count <= MAX_SLOTS - self._slots_given:
                raise LinkError(f"{count} table slots for closures: one process may have {MAX_SLOTS} in all")
            first = self._function_table().reserve(count)
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

    def _make(self, signature: str, text: str, sources: tuple[Source, ...], slot: int, export: str) -> int:
        """Make a module's instance, put an export of it into a slot, and give the instance's place."""
        guest, binary = self._require_guest(), text.encode()
        digest = hashlib.sha256(binary).hexdigest()
        part = Part(digest=digest, label=f"calls of {signature}", sources=sources, generated=binary)
        module = self._compiled.load(digest, lambda: bytes(wasmtime.wat2wasm(text)), part.label)
        number = guest.wiring.instantiate(part, module)
        self._function_table().fill(slot, FromPart(number, export))
        self._modules += 1
        return number

    def _place_again(self, thunks: Thunks) -> None:
        guest = self._require_guest()
        cells = guest.space.read(guest.memory, thunks.cells, CELL_BYTES * thunks.count) or b""
        place = guest.space.function(guest.wiring.instance(thunks.part), "place", 2, 0)
        for number, (_, slot) in enumerate(_CELL.iter_unpack(cells)):
            if slot:
                guest.space.call(place, number + 1, slot)

    def _slot_for_module(self) -> int:
        if self._modules >= MAX_MODULES:
            raise LinkError(f"more than {MAX_MODULES} signatures in one process")
        return self._function_table().reserve(1)

    def _function_table(self) -> FunctionTable:
        if self._table is None:
            self._table = FunctionTable(self._require_guest())
        return self._table

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
