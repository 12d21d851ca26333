/* What the parts of the libffi backend share: slots, signatures, thunks, and the host functions that make them.
 *
 * Generated code sees wasm values only. Each travels in a slot of 8 bytes; C types are turned into slots and back by
 * ffi_types.c. A signature is the text of a wasm function type, "iil>d": one letter (i32, i64, f32, f64) a parameter,
 * and the result's if there is one. pywasm_runtime/ffi_modules.py is the other side.
 */
#ifndef PYWASM_FFI_BACKEND_H
#define PYWASM_FFI_BACKEND_H

#include "ffi.h"

#define HOST(name) __attribute__((import_module("pywasm"), import_name(#name)))

/* The most parameters that engines accept. */
#define MAX_PARAMETERS 1000
#define SIGNATURE_CAPACITY (MAX_PARAMETERS + 3)

/* The most thunks that the host makes at once. */
#define MAX_THUNKS 256

typedef union {
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
} ffi_slot;

/* Call the function with parameters from the slots and leave its result in the first; 0 if its type is another. */
typedef int ffi_caller(void (*function)(void), ffi_slot *slots);

/* Put thunk `number`, from 1, of a batch into a slot of the function table; number 0 empties it. */
typedef void ffi_placer(unsigned number, int code);

/* One generated function that can be a closure's code. Generated code and host read the first two members; a free
 * thunk has code 0. */
struct ffi_thunk {
    union {
        ffi_closure *closure;
        struct ffi_thunk *next_free;
    };
    int code;
    ffi_placer *place;
    unsigned number;
};

/* What is known of a signature; lives for ever. */
struct ffi_signature {
    struct ffi_signature *next;
    ffi_caller *caller;
    /* Functions that were called with this signature had this other one, which differs in the result. */
    struct ffi_signature *actual;
    struct ffi_thunk *free_thunks;
    unsigned thunks; /* in all, used or free */
    unsigned hash, length, parameters;
    char text[];
};

/* What a variadic argument takes at most, with the padding before it. */
#define VARIADIC_ROOM (2 * sizeof(long double))

/* ffi_cif.flags */
enum { VARIADIC = 1, RESULT_BY_POINTER = 2 };

/* `alignment` is a power of two. */
static inline size_t ffi_align(size_t number, size_t alignment)
{
    return (number + alignment - 1) & -alignment;
}

/* ffi_types.c */
ffi_status ffi_complete_type(ffi_type *type);
unsigned ffi_travels_as(const ffi_type *type);
void ffi_to_slot(ffi_slot *slot, unsigned code, const void *value);
void ffi_result_from_slot(void *result, const ffi_type *type, ffi_slot slot);

/* ffi_signature.c */
static inline size_t ffi_slots_bytes(const struct ffi_signature *signature)
{
    /* A result takes a slot too. */
    return ffi_align((signature->parameters + 1) * sizeof(ffi_slot), 16);
}
struct ffi_signature *ffi_signature_of(const char *text, unsigned length);
ffi_caller *ffi_caller_of(struct ffi_signature *signature);
const char *ffi_host_problem(void);

/* ffi_variadic.c: the number of parameters before `...`, 0 if the function is not known as variadic. */
unsigned ffi_fixed_parameters(void (*function)(void));

#endif
