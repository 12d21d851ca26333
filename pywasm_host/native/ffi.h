/* libffi's interface for wasm32, implemented in this folder: what ctypes, cffi and other users of libffi include.
 *
 * A function's address is a slot of the function table and a call is checked against the function's type, so two
 * things differ from other machines: a call with another type than the function's fails (ffi_call_checked says why),
 * and a closure's code is a slot, never the closure's own memory.
 */
#ifndef PYWASM_FFI_H
#define PYWASM_FFI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned long ffi_arg;
typedef signed long ffi_sarg;

typedef enum ffi_abi {
    FFI_FIRST_ABI = 0,
    FFI_WASM32,
    FFI_LAST_ABI,
    FFI_DEFAULT_ABI = FFI_WASM32
} ffi_abi;

typedef enum {
    FFI_OK = 0,
    FFI_BAD_TYPEDEF,
    FFI_BAD_ABI,
    FFI_BAD_ARGTYPE
} ffi_status;

#define FFI_TYPE_VOID 0
#define FFI_TYPE_INT 1
#define FFI_TYPE_FLOAT 2
#define FFI_TYPE_DOUBLE 3
#define FFI_TYPE_LONGDOUBLE 4
#define FFI_TYPE_UINT8 5
#define FFI_TYPE_SINT8 6
#define FFI_TYPE_UINT16 7
#define FFI_TYPE_SINT16 8
#define FFI_TYPE_UINT32 9
#define FFI_TYPE_SINT32 10
#define FFI_TYPE_UINT64 11
#define FFI_TYPE_SINT64 12
#define FFI_TYPE_STRUCT 13
#define FFI_TYPE_POINTER 14
#define FFI_TYPE_COMPLEX 15
#define FFI_TYPE_LAST FFI_TYPE_COMPLEX

#define FFI_CLOSURES 1
#define FFI_TARGET_HAS_COMPLEX_TYPE 1

/* A struct or complex type of size 0 is completed from its elements by the first call that sees it. */
typedef struct _ffi_type {
    size_t size;
    unsigned short alignment;
    unsigned short type;
    struct _ffi_type **elements;
} ffi_type;

extern ffi_type ffi_type_void, ffi_type_uint8, ffi_type_sint8, ffi_type_uint16, ffi_type_sint16;
extern ffi_type ffi_type_uint32, ffi_type_sint32, ffi_type_uint64, ffi_type_sint64;
extern ffi_type ffi_type_float, ffi_type_double, ffi_type_longdouble, ffi_type_pointer;
extern ffi_type ffi_type_complex_float, ffi_type_complex_double, ffi_type_complex_longdouble;

#define ffi_type_uchar ffi_type_uint8
#define ffi_type_schar ffi_type_sint8
#define ffi_type_ushort ffi_type_uint16
#define ffi_type_sshort ffi_type_sint16
#define ffi_type_uint ffi_type_uint32
#define ffi_type_sint ffi_type_sint32
#define ffi_type_ulong ffi_type_uint32
#define ffi_type_slong ffi_type_sint32

/* What ffi_prep_cif fills in. `nfixed` are the parameters before `...`; `bytes` is the room that a call needs. */
typedef struct {
    ffi_abi abi;
    unsigned nargs;
    ffi_type **arg_types;
    ffi_type *rtype;
    unsigned bytes;
    unsigned flags;
    unsigned nfixed;
    struct ffi_signature *signature;
} ffi_cif;

ffi_status ffi_prep_cif(ffi_cif *cif, ffi_abi abi, unsigned int nargs, ffi_type *rtype, ffi_type **atypes);
ffi_status ffi_prep_cif_var(ffi_cif *cif, ffi_abi abi, unsigned int nfixedargs, unsigned int ntotalargs,
                            ffi_type *rtype, ffi_type **atypes);
ffi_status ffi_get_struct_offsets(ffi_abi abi, ffi_type *struct_type, size_t *offsets);

#define FFI_FN(f) ((void (*)(void))f)

/* Stops the process with a message if the call cannot be made. */
void ffi_call(ffi_cif *cif, void (*fn)(void), void *rvalue, void **avalue);

/* As ffi_call, but give NULL, or why the call was not made: a text that is good until the next call. */
#define FFI_HAS_CHECKED_CALL 1
const char *ffi_call_checked(ffi_cif *cif, void (*fn)(void), void *rvalue, void **avalue);

typedef struct {
    ffi_cif *cif;
    void (*fun)(ffi_cif *, void *, void **, void *);
    void *user_data;
} ffi_closure;

void *ffi_closure_alloc(size_t size, void **code);
void ffi_closure_free(void *closure);
ffi_status ffi_prep_closure_loc(ffi_closure *closure, ffi_cif *cif, void (*fun)(ffi_cif *, void *, void **, void *),
                                void *user_data, void *codeloc);
/* Always FFI_BAD_ABI: the function at `closure` would be what it makes, and memory holds no functions. */
ffi_status ffi_prep_closure(ffi_closure *closure, ffi_cif *cif, void (*fun)(ffi_cif *, void *, void **, void *),
                            void *user_data) __attribute__((deprecated("use ffi_prep_closure_loc")));

#ifdef __cplusplus
}
#endif

#endif
