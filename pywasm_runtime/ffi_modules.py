"""Write the modules that stand between the guest's libffi backend and functions of any type.

A signature is the text of a wasm function type, "iil>d": a letter (i32, i64, f32, f64) for each parameter and for
the result, if there is one. Values travel in slots of 8 bytes, one a parameter; the result takes the first.
pywasm_host/native/ffi_backend.h is the other side.
"""

import re

MAX_PARAMETERS = 1000
"""What wasmtime accepts, as all engines do."""

MAX_THUNKS = 256
SLOT_BYTES = 8
CELL_BYTES = 16
"""A thunk's part of guest memory. It begins with the address of its closure and the slot where its code is."""

_SIGNATURE = re.compile(r"([ilfd]*)>([ilfd]?)")
_TYPES = {"i": "i32", "l": "i64", "f": "f32", "d": "f64"}
_STACK_ALIGNMENT = 16

_CALLER = """(module
  (type $target (func{parameters}{result}))
  (import "guest" "memory" (memory 0))
  (import "guest" "table" (table 0 funcref))
  (func (export "caller") (param $function i32) (param $slots i32) (result i32)
    (local $target (ref $target))
    (if (i32.ge_u (local.get $function) (table.size)) (then (return (i32.const 0))))
    (block $other (result funcref)
      (local.set $target
        (br_on_cast_fail $other funcref (ref $target) (table.get (local.get $function))))
      {call}
      (return (i32.const 1)))
    (drop)
    (i32.const 0)))
"""
"""It tests the type itself, because a call_indirect with the wrong one would end the guest."""

_THUNKS = """(module
  (type $dispatch (func (param i32 i32)))
  (type $target (func{parameters}{result}))
  (import "guest" "memory" (memory 0))
  (import "guest" "table" (table $table 0 funcref))
  (import "guest" "stack" (global $stack (mut i32)))
  (import "guest" "cells" (global $cells i32))
  (import "guest" "dispatch" (global $dispatch i32))
{thunks}
  (elem $thunks funcref (ref.null func){references})
  (func (export "place") (param $number i32) (param $slot i32)
    (table.init $table $thunks (local.get $slot) (local.get $number) (i32.const 1))))
"""

_THUNK = """  (func $thunk{number} (type $target) (local $slots i32)
    (global.set $stack (local.tee $slots (i32.sub (global.get $stack) (i32.const {frame}))))
    {stores}
    (call_indirect $table (type $dispatch)
      (i32.load offset={cell} (global.get $cells)) (local.get $slots) (global.get $dispatch))
    (global.set $stack (i32.add (local.get $slots) (i32.const {frame})))
    {load})
"""


def is_signature(text: str) -> bool:
    """Tell whether wasmtime can have a function of this type."""
    match = _SIGNATURE.fullmatch(text)
    return match is not None and len(match[1]) <= MAX_PARAMETERS


def caller_module(signature: str) -> str:
    """Give the text of a module whose `caller` calls functions of a type.

    `caller(function, slots)` calls what the guest's table has at `function`, and gives 1; 0 if that has another type.
    """
    parameters, _, result = signature.partition(">")
    call = f"(call_ref $target {_loads(parameters)} (local.get $target))"
    if result:
        call = f"({_TYPES[result]}.store (local.get $slots) {call})"
    return _CALLER.format(parameters=_declared("param", parameters), result=_declared("result", result), call=call)


def thunks_module(signature: str, count: int) -> str:
    """Give the text of a module with `count` functions of a type that call the guest's `dispatch`.

    Thunk k, from 0, calls it with the closure that the guest has in cell k, and the slots. `place(k + 1, slot)` puts
    it into the guest's table, `place(0, slot)` empties the slot.
    """
    parameters, _, result = signature.partition(">")
    return _THUNKS.format(
        parameters=_declared("param", parameters),
        result=_declared("result", result),
        thunks="".join(_thunk(parameters, result, number) for number in range(count)),
        references="".join(f" (ref.func $thunk{number})" for number in range(count)),
    )


def _thunk(parameters: str, result: str, number: int) -> str:
    frame = -(-max(1, len(parameters)) * SLOT_BYTES // _STACK_ALIGNMENT) * _STACK_ALIGNMENT
    stores = (
        f"({_TYPES[letter]}.store offset={SLOT_BYTES * index} (local.get $slots) (local.get {index}))"
        for index, letter in enumerate(parameters)
    )
    return _THUNK.format(
        number=number,
        frame=frame,
        stores=" ".join(stores),
        cell=CELL_BYTES * number,
        load=f"({_TYPES[result]}.load (local.get $slots))" if result else "",
    )


def _declared(word: str, letters: str) -> str:
    return f" ({word} {' '.join(_TYPES[letter] for letter in letters)})" if letters else ""


def _loads(parameters: str) -> str:
    return " ".join(
        f"({_TYPES[letter]}.load offset={SLOT_BYTES * index} (local.get $slots))"
        for index, letter in enumerate(parameters)
    )
