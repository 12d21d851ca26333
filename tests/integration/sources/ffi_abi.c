/* Hold the libffi backend against the compiler: for each type, functions that clang compiled are called through
 * ffi_call, and closures are called by code that clang compiled; alone, among other parameters, and variadic. */
#include "ffi.h"

#include <complex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *current;
static int checks, failures;

static void check(int good, const char *what)
{
    checks++;
    if (!good) {
        failures++;
        printf("%s: %s\n", current, what);
    }
}

/* This program has no variadic functions that it does not declare as such. */
unsigned ffi_fixed_parameters(void (*function)(void))
{
    (void)function;
    return 0;
}

struct expected {
    const void *value;
    size_t size;
    int variadic;
};

/* The closure's side: (int, T, int64_t) or (int, ..., T, int64_t) gives T. */
static void take(ffi_cif *cif, void *result, void **values, void *data)
{
    const struct expected *expected = data;
    check(*(int *)values[0] == 1 && *(int64_t *)values[2] == -2, "a closure's other parameters");
    check(memcmp(values[1], expected->value, expected->size) == 0, "a closure's parameter");
    memcpy(result, expected->value, expected->size);
    check(cif->nargs == 3, "a closure's cif");
}

static void *closure_for(ffi_cif *cif, struct expected *expected, void **closure)
{
    void *code;
    *closure = ffi_closure_alloc(sizeof(ffi_closure), &code);
    check(*closure != NULL && ffi_prep_closure_loc(*closure, cif, take, expected, code) == FFI_OK, "no closure");
    return code;
}

static void prepare(ffi_cif *cif, int variadic, ffi_type *type, ffi_type **types)
{
    types[0] = &ffi_type_sint, types[1] = type, types[2] = &ffi_type_sint64;
    ffi_status status = variadic ? ffi_prep_cif_var(cif, FFI_DEFAULT_ABI, 1, 3, type, types)
                                 : ffi_prep_cif(cif, FFI_DEFAULT_ABI, 3, type, types);
    check(status == FFI_OK, "ffi_prep_cif");
}

static void call(int variadic, ffi_type *type, void (*function)(void), void *value, size_t size)
{
    ffi_cif cif;
    ffi_type *types[3];
    int one = 1;
    int64_t two = -2;
    char room[1024] __attribute__((aligned(64)));
    void *values[] = {&one, value, &two};
    prepare(&cif, variadic, type, types);
    check(type->size == size || size == 0, "the size");
    memset(room, 0x55, sizeof room);
    const char *why = ffi_call_checked(&cif, function, room, values);
    check(why == NULL, why == NULL ? "" : why);
    check(memcmp(room, value, size) == 0, variadic ? "the result of a variadic call" : "the result of a call");
    check(room[size < 4 ? 4 : size] == 0x55, "a byte behind the result");
}

/* The calls of a closure are functions of their own: clang makes one of two calls that differ in `...` only. */
#define TYPE(name, c_type, promoted, type, ...)                                                     \
    static c_type name##_value = __VA_ARGS__;                                                       \
    static c_type name##_fixed(int one, c_type value, int64_t two)                                  \
    {                                                                                               \
        check(one == 1 && two == -2, "the other parameters");                                       \
        check(memcmp(&value, &name##_value, sizeof value) == 0, "the parameter");                   \
        memset(&value, 0, sizeof value); /* its own copy */                                         \
        return name##_value;                                                                        \
    }                                                                                               \
    static c_type name##_variadic(int one, ...)                                                     \
    {                                                                                               \
        va_list list;                                                                               \
        va_start(list, one);                                                                        \
        c_type value = (c_type)va_arg(list, promoted);                                              \
        check(one == 1 && va_arg(list, int64_t) == -2, "the other arguments of a variadic call");   \
        check(memcmp(&value, &name##_value, sizeof value) == 0, "the variadic argument");           \
        va_end(list);                                                                               \
        return value;                                                                               \
    }                                                                                               \
    __attribute__((noinline)) static c_type name##_call_fixed(void *code)                           \
    {                                                                                               \
        return ((c_type (*)(int, c_type, int64_t))code)(1, name##_value, -2);                       \
    }                                                                                               \
    __attribute__((noinline)) static c_type name##_call_variadic(void *code)                        \
    {                                                                                               \
        return ((c_type (*)(int, ...))code)(1, name##_value, (int64_t)-2);                          \
    }                                                                                               \
    static void name##_closure(int variadic)                                                        \
    {                                                                                               \
        ffi_cif cif;                                                                                \
        ffi_type *types[3];                                                                         \
        struct expected expected = {.value = &name##_value, .size = sizeof name##_value};           \
        void *closure;                                                                              \
        prepare(&cif, variadic, type, types);                                                       \
        void *code = closure_for(&cif, &expected, &closure);                                        \
        c_type value = variadic ? name##_call_variadic(code) : name##_call_fixed(code);             \
        check(memcmp(&value, &name##_value, sizeof value) == 0, "a closure's result");              \
        ffi_closure_free(closure);                                                                  \
    }                                                                                               \
    static void name##_all(void)                                                                    \
    {                                                                                               \
        current = #name;                                                                            \
        call(0, type, FFI_FN(name##_fixed), &name##_value, sizeof name##_value);                    \
        call(1, type, FFI_FN(name##_variadic), &name##_value, sizeof name##_value);                 \
        name##_closure(0);                                                                          \
        name##_closure(1);                                                                          \
    }

#define SCALAR(name, c_type, promoted, ...) TYPE(name, c_type, promoted, &ffi_type_##name, __VA_ARGS__)
#define ELEMENTS(...) &(ffi_type){0, 0, FFI_TYPE_STRUCT, (ffi_type *[]){__VA_ARGS__ __VA_OPT__(,) NULL}}
#define STRUCT(name, c_type, elements, ...) TYPE(name, c_type, c_type, (elements), __VA_ARGS__)

struct nothing {};
struct one_char { signed char a; };
struct one_short { short a; };
struct one_int { int a; };
struct one_long { long long a; };
struct one_float { float a; };
struct one_double { double a; };
struct one_quad { long double a; };
struct one_complex { float _Complex a; };
struct deep { struct { struct one_double a; } b; };
struct array_of_one { float a[1]; };
struct array_of_structs { struct one_short a[1]; };
struct array_of_two { char a[2]; };
struct after_nothing { struct nothing a; float b; struct nothing c; };
struct two { int a, b; };
struct padded { double a; int b; };
struct quad_and_int { long double a; int b; };
struct over_aligned { _Alignas(32) int a; };
struct packed { char a; int b; } __attribute__((packed));
struct large { int a[200]; };

#define INT &ffi_type_sint
static ffi_type packed_type = {5, 1, FFI_TYPE_STRUCT, (ffi_type *[]){&ffi_type_sint8, INT, NULL}};
static ffi_type aligned_type = {32, 32, FFI_TYPE_STRUCT, (ffi_type *[]){INT, NULL}};
static ffi_type large_type = {800, 4, FFI_TYPE_STRUCT, (ffi_type *[]){INT, INT, NULL}};

SCALAR(uint8, uint8_t, int, 200)
SCALAR(sint8, int8_t, int, -100)
SCALAR(uint16, uint16_t, int, 60000)
SCALAR(sint16, int16_t, int, -30000)
SCALAR(uint32, uint32_t, uint32_t, 4000000000)
SCALAR(sint32, int32_t, int32_t, -2000000000)
SCALAR(uint64, uint64_t, uint64_t, UINT64_MAX)
SCALAR(sint64, int64_t, int64_t, INT64_MIN)
SCALAR(float, float, double, 1.5f)
SCALAR(double, double, double, 0.1)
SCALAR(longdouble, long double, long double, 0.1L)
SCALAR(pointer, void *, void *, &checks)
SCALAR(complex_float, float _Complex, float _Complex, 1 + 2 * I)
SCALAR(complex_double, double _Complex, double _Complex, 1 + 2 * I)
SCALAR(complex_longdouble, long double _Complex, long double _Complex, 1 + 2 * I)
STRUCT(one_char, struct one_char, ELEMENTS(&ffi_type_sint8), {-5})
STRUCT(one_short, struct one_short, ELEMENTS(&ffi_type_sint16), {-500})
STRUCT(one_int, struct one_int, ELEMENTS(INT), {-5})
STRUCT(one_long, struct one_long, ELEMENTS(&ffi_type_sint64), {-5})
STRUCT(one_float, struct one_float, ELEMENTS(&ffi_type_float), {1.5f})
STRUCT(one_double, struct one_double, ELEMENTS(&ffi_type_double), {0.1})
STRUCT(one_quad, struct one_quad, ELEMENTS(&ffi_type_longdouble), {0.1L})
STRUCT(one_complex, struct one_complex, ELEMENTS(&ffi_type_complex_float), {1 + 2 * I})
STRUCT(deep, struct deep, ELEMENTS(ELEMENTS(ELEMENTS(&ffi_type_double))), {{{0.1}}})
STRUCT(array_of_one, struct array_of_one, ELEMENTS(ELEMENTS(&ffi_type_float)), {{1.5f}})
STRUCT(array_of_structs, struct array_of_structs, ELEMENTS(ELEMENTS(ELEMENTS(&ffi_type_sint16))), {{{-500}}})
STRUCT(array_of_two, struct array_of_two, ELEMENTS(ELEMENTS(&ffi_type_sint8, &ffi_type_sint8)), {{1, 2}})
STRUCT(after_nothing, struct after_nothing, ELEMENTS(ELEMENTS(), &ffi_type_float, ELEMENTS()), {.b = 1.5f})
STRUCT(two, struct two, ELEMENTS(INT, INT), {1, 2})
STRUCT(padded, struct padded, ELEMENTS(&ffi_type_double, INT), {0.1, 2})
STRUCT(quad_and_int, struct quad_and_int, ELEMENTS(&ffi_type_longdouble, INT), {0.1L, 2})
STRUCT(over_aligned, struct over_aligned, &aligned_type, {3})
STRUCT(packed, struct packed, &packed_type, {1, 2})
STRUCT(large, struct large, &large_type, {{1, 2, 3}})
STRUCT(nothing, struct nothing, ELEMENTS(), {})

static int sum(const struct large *first, struct large second)
{
    return first->a[0] + second.a[199];
}

/* What does not fit a stack of a few hundred kilobytes, but memory. */
static void huge_struct(void)
{
    ffi_type type = {4 << 20, 4, FFI_TYPE_STRUCT, (ffi_type *[]){INT, INT, NULL}};
    ffi_type *types[] = {&ffi_type_pointer, &type};
    struct large first = {{40}};
    void *pointer = &first;
    int *second = calloc(1, type.size), result;
    ffi_cif cif;
    second[199] = 2;
    void *values[] = {&pointer, second};
    current = "a huge struct";
    check(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, INT, types) == FFI_OK, "ffi_prep_cif");
    check(ffi_call_checked(&cif, FFI_FN(sum), &result, values) == NULL && result == 42, "the call");
    type.size = 1u << 31;
    check(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, INT, types) == FFI_BAD_TYPEDEF, "2 GiB");
    free(second);
}

static void offsets(void)
{
    size_t found[4];
    ffi_type *type = ELEMENTS(&ffi_type_sint8, &ffi_type_double, ELEMENTS(), &ffi_type_sint16);
    current = "offsets";
    check(ffi_get_struct_offsets(FFI_DEFAULT_ABI, type, found) == FFI_OK, "ffi_get_struct_offsets");
    check(found[0] == 0 && found[1] == 8 && found[2] == 16 && found[3] == 16, "the offsets");
    check(type->size == 24 && type->alignment == 8, "the layout");
}

/* More closures than are made at once, in any order of freeing. */
static void many_closures(void)
{
    enum { MANY = 1000 };
    static void *closures[MANY], *codes[MANY];
    ffi_cif cif;
    ffi_type *types[3];
    struct expected expected = {.value = &sint32_value, .size = sizeof sint32_value};
    current = "many closures";
    prepare(&cif, 0, INT, types);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++)
            codes[i] = closure_for(&cif, &expected, &closures[i]);
        for (int i = 0; i < MANY; i++)
            check(((int (*)(int, int, int64_t))codes[i])(1, sint32_value, -2) == sint32_value, "the call");
        for (int i = 0; i < MANY; i++)
            ffi_closure_free(closures[i * 7 % MANY]);
    }
    check(ffi_call_checked(&cif, codes[0], NULL, (void *[]){codes, codes, codes}) != NULL, "a freed closure");
}

static void refusals(void)
{
    static ffi_type *types[1001];
    ffi_type unknown = {4, 4, 99, NULL}, empty = {0, 0, FFI_TYPE_STRUCT, NULL};
    ffi_type unaligned = {4, 3, FFI_TYPE_STRUCT, types};
    ffi_cif cif;
    current = "refusals";
    for (int i = 0; i < 1001; i++)
        types[i] = INT;
    check(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1000, INT, types) == FFI_OK, "1000 parameters");
    check(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1001, INT, types) == FFI_BAD_TYPEDEF, "1001 parameters");
    check(ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, 1, 1001, INT, types) == FFI_OK, "1000 variadic arguments");
    check(ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, 2, 1, INT, types) == FFI_BAD_ARGTYPE, "fewer than the fixed ones");
    check(ffi_prep_cif(&cif, FFI_FIRST_ABI, 0, INT, types) == FFI_BAD_ABI, "another ABI");
    check(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, INT, (ffi_type *[]){&ffi_type_void}) != FFI_OK, "a void parameter");
    for (ffi_type **bad = (ffi_type *[]){&unknown, &empty, &unaligned, NULL}; *bad != NULL; bad++)
        check(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, INT, bad) == FFI_BAD_TYPEDEF, "a type that is none");
}

int main(int count, char **arguments)
{
    if (count > 1) {
        ffi_cif cif;
        (void)arguments;
        ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, INT, NULL);
        ffi_call(&cif, FFI_FN(offsets) + 100000, NULL, NULL);
    }
    uint8_all(), sint8_all(), uint16_all(), sint16_all(), uint32_all(), sint32_all(), uint64_all(), sint64_all();
    float_all(), double_all(), longdouble_all(), pointer_all();
    complex_float_all(), complex_double_all(), complex_longdouble_all();
    one_char_all(), one_short_all(), one_int_all(), one_long_all(), one_float_all(), one_double_all(), one_quad_all();
    one_complex_all(), deep_all(), array_of_one_all(), array_of_structs_all(), array_of_two_all(), after_nothing_all();
    two_all(), padded_all(), quad_and_int_all(), over_aligned_all(), packed_all(), large_all(), nothing_all();
    huge_struct(), offsets(), many_closures(), refusals();
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
