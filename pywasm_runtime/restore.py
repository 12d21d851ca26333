"""Take images of processes, and make processes of images.

An image is taken between two calls into the guest. A restored process has the same memory (mapped copy-on-write), the
same instances in the same places, the same table; then it goes on as if nothing had been. Its descriptors of files are
gone with the old store: whoever takes an image sees to it that none is open but the standard streams and folders.
"""

import ctypes
import hashlib
import mmap
import os

import wasmtime
from wasmtime import _bindings as c

from pywasm_binary import Kind, WasmModule
from pywasm_binary.sections import HEADER
from pywasm_runtime import raw
from pywasm_runtime.embedding import Embedding
from pywasm_runtime.errors import ImageError, ModuleError
from pywasm_runtime.guest import STACK_POINTER
from pywasm_runtime.image import ImageFile, ImageStore
from pywasm_runtime.mounts import MountTable
from pywasm_runtime.process import GuestProcess
from pywasm_runtime.process_state import ProcessState
from pywasm_runtime.raw import Space
from pywasm_runtime.restore_plan import NativeRestore, Plan
from pywasm_runtime.restored_module import without_initialisation
from pywasm_runtime.side_module import MAX_FILE_BYTES
from pywasm_runtime.wiring import Part

PAGE = 1 << 16

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_MAP_FIXED = 0x10
_MAP_FAILED = ctypes.c_void_p(-1).value


def take_image(process: GuestProcess, store: ImageStore, key: str) -> ImageFile:
    """Write the image of a process that is not running; it can go on afterwards. Raises OSError, ImageError."""
    guest, space = process.guest(), process.space
    for name, wasm in process.modules():
        _check_globals(name, wasm)
    state = ProcessState(
        program=process.embedding.program.digest,
        memory_bytes=space.memory_size(guest.memory),
        table_slots=space.table_size(guest.table),
        stack_pointer=space.global_value(guest.stack_pointer),
        parts=guest.wiring.parts,
        fills=guest.wiring.fills,
        linker=process.dynamic_linker().state(),
        ffi=process.ffi_host.state,
    )
    return store.keep(key, state, lambda offset, length: space.read(guest.memory, offset, length) or b"")


class Image:
    """Hold an image ready for restoring: its modules compiled, its file open, its plan laid out."""

    def __init__(self, file: ImageFile, embedding: Embedding, mounts: MountTable, native: NativeRestore | None) -> None:
        if file.state.program != embedding.program.digest:
            raise ImageError(f"the image {file.key} is one of another program")
        self.key = file.key
        self.state = file.state
        self._embedding = embedding
        self._native = native
        modules = [_load(embedding, mounts, part) for part in file.state.parts]
        self._plan = Plan(file.state.parts, modules, file.state.fills)
        self._memory = file.open_memory()

    def close(self) -> None:
        """Close the file; restored processes go on."""
        os.close(self._memory)

    def restore(self, process: GuestProcess) -> None:
        """Turn a process of which nothing exists yet into what the image has."""
        process.instantiate()
        guest, space, state = process.guest(), process.space, self.state
        _grow_memory(space, guest.memory, state.memory_bytes)
        missing = state.table_slots - space.table_size(guest.table)
        if missing > 0:
            space.grow_table(guest.table, missing)
        if self._native is not None:
            instances = self._native.run(self._plan, space, self._embedding.linker, process.instance, guest.table)
            guest.wiring.adopt(state.parts, instances, state.fills)
        else:
            self._plan.run(guest)
        # Only now: instantiating writes the modules' data to memory.
        map_file(self._memory, space.base(guest.memory), state.memory_bytes, shared=False)
        space.set_global(guest.stack_pointer, state.stack_pointer)
        process.resume(state.linker, state.ffi)


def _check_globals(name: str, wasm: WasmModule) -> None:
    """Refuse a module that keeps something in globals of its own; LLVM does so with the stack pointer only."""
    imported = sum(one.kind is Kind.GLOBAL for one in wasm.imports)
    stack_pointer = wasm.exports.get(STACK_POINTER)
    for index, (kind, _) in enumerate(wasm.globals, imported):
        if kind.mutable and (stack_pointer is None or stack_pointer.index != index):
            raise ImageError(f"{name} keeps something in a global, which an image does not have")


def _load(embedding: Embedding, mounts: MountTable, part: Part) -> wasmtime.Module:
    compiled = embedding.compiled
    if part.generated:
        return compiled.load(part.digest, lambda: as_binary(part.generated), part.label)

    def read() -> bytes:
        content = mounts.read(part.label, MAX_FILE_BYTES).content
        if hashlib.sha256(content).hexdigest() != part.digest:
            raise ImageError(f"the image needs {part.label} as it was; the file has changed")
        return without_initialisation(content)

    digest = hashlib.sha256(f"{part.digest} without initialisation".encode()).hexdigest()
    try:
        return compiled.load(digest, read, part.label)
    except OSError as error:
        raise ImageError(f"the image needs {part.label}: {error.strerror}") from None


def as_binary(module: bytes) -> bytes:
    """Give a generated module, which may be kept as text, as bytes that can be compiled."""
    return module if module.startswith(HEADER) else bytes(wasmtime.wat2wasm(module))


def _grow_memory(space: Space, memory: raw.Extern, size: int) -> None:
    missing = size - space.memory_size(memory)
    if missing <= 0:
        return
    before = ctypes.c_uint64(0)
    error = c.wasmtime_memory_grow(space.context, ctypes.byref(memory.of.memory), missing // PAGE, ctypes.byref(before))
    try:
        space.check(error, None, refused=ModuleError)
    except ModuleError:
        raise ImageError(f"the image needs {size} bytes of memory, more than the limit of the process") from None


def map_file(descriptor: int, address: int, size: int, *, shared: bool) -> None:
    """Map a file over memory of this process; raises OSError."""
    flags = _MAP_FIXED | (mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE)
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    if _libc.mmap(address, size, protection, flags, descriptor, 0) == _MAP_FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
