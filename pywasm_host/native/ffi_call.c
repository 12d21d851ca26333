/* ffi_call: put the arguments into slots, as the C ABI of wasm32 wants them, and let the signature's caller call.
 *
 * A caller checks the function's type. Elsewhere a wrong result type is often harmless (ctypes takes int where nobody
 * says otherwise, also for void functions), so a function that differs only by having a result or none is called.
 */
#include "ffi_arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

HOST(ffi_type) extern int host_ffi_type(void (*function)(void), char *buffer, unsigned capacity);

/* What host_ffi_type gives for no function. */
enum { EMPTY_SLOT = 0, NO_SLOT = -1 };

#define LARGE_FRAME 65536

static char problem[1024];

__attribute__((format(printf, 1, 2))) static const char *fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(problem, sizeof problem, format, values);
    va_end(values);
    return problem;
}

/* The room for a call, as ffi_prep_cif computed it: slots, variadic arguments, copies of aggregates. */
struct frame {
    ffi_slot *next;
    char *variadic;
    char *copies;
};

static void *copy_of(struct frame *frame, const ffi_type *type, const void *value)
{
    char *copy = (char *)ffi_align((size_t)frame->copies, type->alignment > 16 ? type->alignment : 16);
    frame->copies = copy + type->size;
    return value == NULL ? copy : memcpy(copy, value, type->size);
}

static void put_fixed(struct frame *frame, const ffi_type *type, const void *value)
{
    unsigned code = ffi_travels_as(type);
    if (code == FFI_TYPE_STRUCT)
        frame->next->u32 = (size_t)copy_of(frame, type, value);
    else if (code != FFI_TYPE_VOID)
        ffi_to_slot(frame->next, code, value);
    frame->next += ffi_slots_of(code);
}

static void put_variadic(struct frame *frame, const ffi_type *type, const void *value)
{
    unsigned code = ffi_travels_as(type);
    if (code == FFI_TYPE_VOID)
        return;
    char *place = ffi_next_variadic(&frame->variadic, type, code);
    if (code == FFI_TYPE_STRUCT)
        *(void **)place = copy_of(frame, type, value);
    else if (type->type == FFI_TYPE_FLOAT)
        *(double *)place = *(const float *)value;
    else
        ffi_to_slot((ffi_slot *)place, code, value);
}

static void put_arguments(struct frame *frame, const ffi_cif *cif, void *result, void **values)
{
    if (cif->flags & RESULT_BY_POINTER)
        frame->next++->u32 = (size_t)(result != NULL ? result : copy_of(frame, cif->rtype, NULL));
    for (unsigned i = 0; i < cif->nfixed; i++)
        put_fixed(frame, cif->arg_types[i], values[i]);
    if (cif->flags & VARIADIC) {
        frame->next->u32 = (size_t)frame->variadic;
        for (unsigned i = cif->nfixed; i < cif->nargs; i++)
            put_variadic(frame, cif->arg_types[i], values[i]);
    }
}

static int differs_only_in_having_a_result(const char *wanted, const char *actual)
{
    unsigned parameters = strchr(wanted, '>') - wanted;
    if (strncmp(wanted, actual, parameters + 1) != 0)
        return 0;
    return (wanted[parameters + 1] == '\0') != (actual[parameters + 1] == '\0') && strlen(actual) <= parameters + 2;
}

static const char *word_of(char letter)
{
    switch (letter) {
    case 'i': return "i32";
    case 'l': return "i64";
    case 'f': return "f32";
    case 'd': return "f64";
    case 'v': return "v128";
    default: return "a reference";
    }
}

/* Write a list such as "i32, f64"; a long one is cut. */
static void spell(char *out, size_t capacity, const char *letters, unsigned count)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        if (used + 32 > capacity) {
            snprintf(out + used, capacity - used, ", ... (%u in all)", count);
            return;
        }
        used += snprintf(out + used, capacity - used, "%s%s", i == 0 ? "" : ", ", word_of(letters[i]));
    }
}

static void spell_type(char *out, size_t capacity, const char *signature)
{
    char parameters[160], results[160];
    const char *end = strchr(signature, '>');
    spell(parameters, sizeof parameters, signature, end - signature);
    spell(results, sizeof results, end + 1, strlen(end + 1));
    snprintf(out, capacity, "(%s) -> %s", parameters, end[1] == '\0' ? "nothing" : results);
}

static const char *mismatch(const char *wanted, const char *actual)
{
    char words[2][400];
    spell_type(words[0], sizeof words[0], actual);
    spell_type(words[1], sizeof words[1], wanted);
    return fail("the function has the type %s, but is called as %s", words[0], words[1]);
}

/* Call a function that does not have the cif's signature, if it comes to the same; else say what it is. */
static const char *call_other(struct ffi_signature *signature, void (*function)(void), ffi_slot *slots)
{
    char actual[2 * SIGNATURE_CAPACITY];
    int length = host_ffi_type(function, actual, sizeof actual - 1);
    if (function == NULL)
        return fail("the function pointer is NULL");
    if (length == NO_SLOT)
        return fail("%p is not the address of a function", (void *)function);
    if (length == EMPTY_SLOT)
        return fail("there is no function at %p: was its callback freed?", (void *)function);
    if (length >= (int)sizeof actual)
        return fail("%p is a function with %d parameters and results", (void *)function, length - 1);
    actual[length] = '\0';
    if (!differs_only_in_having_a_result(signature->text, actual))
        return mismatch(signature->text, actual);
    struct ffi_signature *other = ffi_signature_of(actual, length);
    if (other == NULL)
        return fail("no memory for a signature");
    if (ffi_caller_of(other) == NULL)
        return ffi_host_problem();
    signature->actual = other;
    return other->caller(function, slots) ? NULL : fail("%p cannot be called", (void *)function);
}

static const char *call_through(struct ffi_signature *signature, void (*function)(void), ffi_slot *slots)
{
    ffi_caller *caller = ffi_caller_of(signature);
    if (caller == NULL)
        return ffi_host_problem();
    if (caller(function, slots))
        return NULL;
    const char *why = NULL;
    if (signature->actual == NULL || !signature->actual->caller(function, slots))
        why = call_other(signature, function, slots);
    slots[0].u64 = 0; /* the result that one of the two does not have */
    return why;
}

static const char *call_in(char *room, ffi_cif *cif, void (*function)(void), void *result, void **values)
{
    struct frame frame = {.next = (ffi_slot *)room};
    frame.variadic = room + ffi_slots_bytes(cif->signature);
    frame.copies = frame.variadic + (cif->nargs - cif->nfixed) * VARIADIC_ROOM;
    put_arguments(&frame, cif, result, values);
    const char *why = call_through(cif->signature, function, (ffi_slot *)room);
    if (why == NULL && result != NULL && !(cif->flags & RESULT_BY_POINTER))
        ffi_result_from_slot(result, cif->rtype, *(ffi_slot *)room);
    return why;
}

static const char *call_with_large_frame(ffi_cif *cif, void (*function)(void), void *result, void **values)
{
    char *room = aligned_alloc(16, ffi_align(cif->bytes, 16));
    if (room == NULL)
        return fail("no memory for arguments of %u bytes", cif->bytes);
    const char *why = call_in(room, cif, function, result, values);
    free(room);
    return why;
}

static const char *call_prepared(ffi_cif *cif, void (*function)(void), void *result, void **values)
{
    if (cif->bytes > LARGE_FRAME)
        return call_with_large_frame(cif, function, result, values);
    return call_in(__builtin_alloca_with_align(cif->bytes, 128), cif, function, result, values);
}

/* A call that does not say that the function is variadic (ctypes without argtypes) is mended where we know it is. */
static const char *call_variadic(ffi_cif *cif, unsigned fixed, void (*function)(void), void *result, void **values)
{
    ffi_cif variadic;
    if (ffi_prep_cif_var(&variadic, cif->abi, fixed, cif->nargs, cif->rtype, cif->arg_types) != FFI_OK)
        return fail("too many arguments");
    return call_prepared(&variadic, function, result, values);
}

const char *ffi_call_checked(ffi_cif *cif, void (*function)(void), void *result, void **values)
{
    unsigned fixed = cif->flags & VARIADIC ? 0 : ffi_fixed_parameters(function);
    if (fixed != 0 && fixed <= cif->nargs)
        return call_variadic(cif, fixed, function, result, values);
    return call_prepared(cif, function, result, values);
}

void ffi_call(ffi_cif *cif, void (*function)(void), void *result, void **values)
{
    const char *why = ffi_call_checked(cif, function, result, values);
    if (why == NULL)
        return;
    fprintf(stderr, "ffi_call: %s\n", why);
    abort();
}
