/* C types in the C ABI of wasm32: size, alignment, and how a value of each travels. */
#include "ffi_backend.h"

#include <string.h>

#define SCALAR(name, c_type, code) ffi_type ffi_type_##name = {sizeof(c_type), _Alignof(c_type), code, NULL}

ffi_type ffi_type_void = {1, 1, FFI_TYPE_VOID, NULL};
SCALAR(uint8, uint8_t, FFI_TYPE_UINT8);
SCALAR(sint8, int8_t, FFI_TYPE_SINT8);
SCALAR(uint16, uint16_t, FFI_TYPE_UINT16);
SCALAR(sint16, int16_t, FFI_TYPE_SINT16);
SCALAR(uint32, uint32_t, FFI_TYPE_UINT32);
SCALAR(sint32, int32_t, FFI_TYPE_SINT32);
SCALAR(uint64, uint64_t, FFI_TYPE_UINT64);
SCALAR(sint64, int64_t, FFI_TYPE_SINT64);
SCALAR(float, float, FFI_TYPE_FLOAT);
SCALAR(double, double, FFI_TYPE_DOUBLE);
SCALAR(longdouble, long double, FFI_TYPE_LONGDOUBLE);
SCALAR(pointer, void *, FFI_TYPE_POINTER);

#define COMPLEX(name, c_type)                                                       \
    static ffi_type *name##_parts[] = {&ffi_type_##name, NULL};                     \
    ffi_type ffi_type_complex_##name = {2 * sizeof(c_type), _Alignof(c_type), FFI_TYPE_COMPLEX, name##_parts}

COMPLEX(float, float);
COMPLEX(double, double);
COMPLEX(longdouble, long double);

static int is_power_of_two(unsigned number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

static ffi_status lay_out(ffi_type *type, size_t *offsets)
{
    size_t size = 0, alignment = 1;
    for (ffi_type **element = type->elements; *element != NULL; element++) {
        ffi_status status = ffi_complete_type(*element);
        if (status != FFI_OK)
            return status;
        size = ffi_align(size, (*element)->alignment);
        if (offsets != NULL)
            *offsets++ = size;
        /* A size that overflows would let a call write beyond the room that was made for it. */
        if (__builtin_add_overflow(size, (*element)->size, &size) || size > INT32_MAX)
            return FFI_BAD_TYPEDEF;
        if ((*element)->alignment > alignment)
            alignment = (*element)->alignment;
    }
    type->size = ffi_align(size, alignment);
    type->alignment = alignment;
    return FFI_OK;
}

/* Compute size and alignment of an aggregate that has none yet. */
ffi_status ffi_complete_type(ffi_type *type)
{
    if (type->type > FFI_TYPE_LAST)
        return FFI_BAD_TYPEDEF;
    if (type->type != FFI_TYPE_STRUCT || type->size != 0)
        return is_power_of_two(type->alignment) ? FFI_OK : FFI_BAD_TYPEDEF;
    return type->elements == NULL ? FFI_BAD_TYPEDEF : lay_out(type, NULL);
}

ffi_status ffi_get_struct_offsets(ffi_abi abi, ffi_type *struct_type, size_t *offsets)
{
    if (abi != FFI_WASM32)
        return FFI_BAD_ABI;
    if (struct_type->type != FFI_TYPE_STRUCT || struct_type->elements == NULL)
        return FFI_BAD_TYPEDEF;
    return lay_out(struct_type, offsets);
}

/* Find the only element that is not empty; NULL if there are more. */
static const ffi_type *only_element(const ffi_type *type)
{
    const ffi_type *found = NULL;
    for (ffi_type **element = type->elements; *element != NULL; element++) {
        if ((*element)->type == FFI_TYPE_STRUCT && (*element)->size == 0)
            continue;
        if (found != NULL)
            return NULL;
        found = *element;
    }
    return found;
}

/* Say as what a value travels: FFI_TYPE_VOID not at all, FFI_TYPE_STRUCT as a pointer to a copy, else as that scalar.
 *
 * An aggregate with one scalar in it, however deep, travels as the scalar, unless padding makes it larger. */
unsigned ffi_travels_as(const ffi_type *type)
{
    if (type->type == FFI_TYPE_STRUCT && type->size == 0)
        return FFI_TYPE_VOID;
    while (type->type == FFI_TYPE_STRUCT) {
        const ffi_type *element = only_element(type);
        if (element == NULL || element->size != type->size)
            return FFI_TYPE_STRUCT;
        type = element;
    }
    return type->type == FFI_TYPE_COMPLEX ? FFI_TYPE_STRUCT : type->type;
}

/* Copy a value that travels as scalar `code` into its slot, or two for a long double. */
void ffi_to_slot(ffi_slot *slot, unsigned code, const void *value)
{
    switch (code) {
    case FFI_TYPE_UINT8: slot->u32 = *(const uint8_t *)value; break;
    case FFI_TYPE_SINT8: slot->i32 = *(const int8_t *)value; break;
    case FFI_TYPE_UINT16: slot->u32 = *(const uint16_t *)value; break;
    case FFI_TYPE_SINT16: slot->i32 = *(const int16_t *)value; break;
    case FFI_TYPE_UINT64: case FFI_TYPE_SINT64: case FFI_TYPE_DOUBLE: memcpy(slot, value, 8); break;
    case FFI_TYPE_LONGDOUBLE: memcpy(slot, value, 16); break;
    default: memcpy(slot, value, 4);
    }
}

/* Copy what a function returned in its slot to where the caller wants it; small integers widened to ffi_arg. */
void ffi_result_from_slot(void *result, const ffi_type *type, ffi_slot slot)
{
    if (type->type == FFI_TYPE_STRUCT) {
        memcpy(result, &slot, type->size);
        return;
    }
    switch (type->type) {
    case FFI_TYPE_VOID: break;
    case FFI_TYPE_UINT8: *(ffi_arg *)result = (uint8_t)slot.u32; break;
    case FFI_TYPE_SINT8: *(ffi_sarg *)result = (int8_t)slot.i32; break;
    case FFI_TYPE_UINT16: *(ffi_arg *)result = (uint16_t)slot.u32; break;
    case FFI_TYPE_SINT16: *(ffi_sarg *)result = (int16_t)slot.i32; break;
    case FFI_TYPE_UINT64: case FFI_TYPE_SINT64: case FFI_TYPE_DOUBLE: memcpy(result, &slot, 8); break;
    default: memcpy(result, &slot, 4);
    }
}
