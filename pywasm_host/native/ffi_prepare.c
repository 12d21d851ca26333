/* ffi_prep_cif: from C types to a signature, and the room that a call needs. */
#include "ffi_backend.h"

#include <string.h>

#define COPY_ALIGNMENT 16

struct draft {
    char text[SIGNATURE_CAPACITY];
    unsigned length;
    size_t copies, variadic;
};

static char letter_of(unsigned code)
{
    switch (code) {
    case FFI_TYPE_FLOAT: return 'f';
    case FFI_TYPE_DOUBLE: return 'd';
    case FFI_TYPE_UINT64: case FFI_TYPE_SINT64: return 'l';
    default: return 'i';
    }
}

static int add_letter(struct draft *draft, char letter)
{
    if (draft->length == MAX_PARAMETERS)
        return 0;
    draft->text[draft->length++] = letter;
    return 1;
}

/* Room for a copy wherever the frame is aligned to 16 only. */
static void add_copy(struct draft *draft, const ffi_type *type)
{
    draft->copies += ffi_align(type->size, COPY_ALIGNMENT) + (type->alignment > COPY_ALIGNMENT ? type->alignment : 0);
}

static int add_fixed(struct draft *draft, const ffi_type *type)
{
    unsigned code = ffi_travels_as(type);
    if (code == FFI_TYPE_VOID)
        return 1;
    if (code == FFI_TYPE_LONGDOUBLE)
        return add_letter(draft, 'l') && add_letter(draft, 'l');
    if (code == FFI_TYPE_STRUCT)
        add_copy(draft, type);
    return add_letter(draft, letter_of(code));
}

static void add_variadic(struct draft *draft, const ffi_type *type)
{
    unsigned code = ffi_travels_as(type);
    if (code == FFI_TYPE_STRUCT)
        add_copy(draft, type);
    draft->variadic += VARIADIC_ROOM;
}

static int add_arguments(struct draft *draft, const ffi_cif *cif)
{
    if (cif->flags & RESULT_BY_POINTER) {
        add_copy(draft, cif->rtype); /* for callers that want no result */
        add_letter(draft, 'i');
    }
    for (unsigned i = 0; i < cif->nargs; i++) {
        if (i >= cif->nfixed)
            add_variadic(draft, cif->arg_types[i]);
        else if (!add_fixed(draft, cif->arg_types[i]))
            return 0;
        if (draft->copies > INT32_MAX)
            return 0;
    }
    return !(cif->flags & VARIADIC) || add_letter(draft, 'i');
}

static ffi_status complete_types(const ffi_cif *cif)
{
    ffi_status status = ffi_complete_type(cif->rtype);
    for (unsigned i = 0; i < cif->nargs && status == FFI_OK; i++)
        status = cif->arg_types[i]->type == FFI_TYPE_VOID ? FFI_BAD_TYPEDEF : ffi_complete_type(cif->arg_types[i]);
    return status;
}

static ffi_status finish(ffi_cif *cif, struct draft *draft, unsigned result)
{
    draft->text[draft->length++] = '>';
    if (result != FFI_TYPE_VOID && !(cif->flags & RESULT_BY_POINTER))
        draft->text[draft->length++] = letter_of(result);
    cif->signature = ffi_signature_of(draft->text, draft->length);
    if (cif->signature == NULL)
        return FFI_BAD_TYPEDEF;
    size_t bytes = ffi_slots_bytes(cif->signature) + draft->variadic + draft->copies;
    cif->bytes = bytes;
    return bytes > INT32_MAX ? FFI_BAD_TYPEDEF : FFI_OK;
}

static ffi_status prepare(ffi_cif *cif)
{
    if (cif->abi != FFI_WASM32)
        return FFI_BAD_ABI;
    ffi_status status = complete_types(cif);
    if (status != FFI_OK)
        return status;
    unsigned result = ffi_travels_as(cif->rtype);
    if (result == FFI_TYPE_STRUCT || result == FFI_TYPE_LONGDOUBLE)
        cif->flags |= RESULT_BY_POINTER;
    struct draft draft;
    draft.length = 0;
    draft.copies = draft.variadic = 0;
    return add_arguments(&draft, cif) ? finish(cif, &draft, result) : FFI_BAD_TYPEDEF;
}

ffi_status ffi_prep_cif(ffi_cif *cif, ffi_abi abi, unsigned int nargs, ffi_type *rtype, ffi_type **atypes)
{
    *cif = (ffi_cif){.abi = abi, .nargs = nargs, .nfixed = nargs, .rtype = rtype, .arg_types = atypes};
    return prepare(cif);
}

ffi_status ffi_prep_cif_var(ffi_cif *cif, ffi_abi abi, unsigned int nfixedargs, unsigned int ntotalargs,
                            ffi_type *rtype, ffi_type **atypes)
{
    if (nfixedargs > ntotalargs)
        return FFI_BAD_ARGTYPE;
    *cif = (ffi_cif){.abi = abi, .nargs = ntotalargs, .nfixed = nfixedargs, .rtype = rtype, .arg_types = atypes,
                     .flags = VARIADIC};
    return prepare(cif);
}
