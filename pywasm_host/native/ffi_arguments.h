/* Where the arguments of a call lie: both ffi_call, which writes them, and closures, which read them, walk along. */
#ifndef PYWASM_FFI_ARGUMENTS_H
#define PYWASM_FFI_ARGUMENTS_H

#include "ffi_backend.h"

/* A variadic argument is promoted as C does it; an aggregate that travels as a scalar is not. */
static inline const ffi_type *ffi_promoted(const ffi_type *type)
{
    switch (type->type) {
    case FFI_TYPE_FLOAT: return &ffi_type_double;
    case FFI_TYPE_UINT8: case FFI_TYPE_SINT8: case FFI_TYPE_UINT16: case FFI_TYPE_SINT16: return &ffi_type_sint32;
    default: return type;
    }
}

/* Give the place of the next variadic argument in their buffer, and move on: VARIADIC_ROOM at most. */
static inline char *ffi_next_variadic(char **buffer, const ffi_type *type, unsigned code)
{
    const ffi_type *shape = code == FFI_TYPE_STRUCT ? &ffi_type_pointer : ffi_promoted(type);
    size_t alignment = shape->alignment < 4 ? 4 : shape->alignment;
    char *place = (char *)ffi_align((size_t)*buffer, alignment > 16 ? 16 : alignment);
    *buffer = place + ffi_align(shape->size, 4);
    return place;
}

/* How many slots a fixed argument takes. */
static inline unsigned ffi_slots_of(unsigned code)
{
    return code == FFI_TYPE_LONGDOUBLE ? 2 : code != FFI_TYPE_VOID;
}

#endif
