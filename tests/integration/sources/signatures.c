/* Which functions of types and modules have another WebAssembly type than the slot that they lie in. */
#include "extension.h"
#include <stddef.h>

typedef void (*Function)(void);
#define TEST(RESULT, ...) __builtin_wasm_test_function_pointer_signature((RESULT(*)(__VA_ARGS__))function)

/* Whether it takes so many pointers, and gives one or nothing; all of Python's slots use what is an i32. */
static int has_type(Function function, int parameters, int result)
{
    switch (parameters) {
    case 1: return result ? TEST(int, int) : TEST(void, int);
    case 2: return result ? TEST(int, int, int) : TEST(void, int, int);
    case 3: return TEST(int, int, int, int);
    case 4: return TEST(int, int, int, int, int);
    case 5: return TEST(int, int, int, int, int, int);
    }
    return 0;
}

typedef struct { const char *name; size_t offset; int parameters, result; } Slot;
#define S(STRUCT, NAME, PARAMETERS) {#NAME, offsetof(STRUCT, NAME), PARAMETERS, 1}
#define VOID(STRUCT, NAME, PARAMETERS) {#NAME, offsetof(STRUCT, NAME), PARAMETERS, 0}
#define T(NAME, PARAMETERS) S(PyTypeObject, NAME, PARAMETERS)
#define N(NAME, PARAMETERS) S(PyNumberMethods, NAME, PARAMETERS)
#define END {NULL, 0, 0, 0}
static const Slot of_type[] = {VOID(PyTypeObject, tp_dealloc, 1), T(tp_getattr, 2), T(tp_setattr, 3), T(tp_repr, 1),
    T(tp_hash, 1), T(tp_call, 3), T(tp_str, 1), T(tp_getattro, 2), T(tp_setattro, 3), T(tp_traverse, 3), T(tp_clear, 1),
    T(tp_richcompare, 3), T(tp_iter, 1), T(tp_iternext, 1), T(tp_descr_get, 3), T(tp_descr_set, 3), T(tp_init, 3),
    T(tp_alloc, 2), T(tp_new, 3), VOID(PyTypeObject, tp_free, 1), T(tp_is_gc, 1), VOID(PyTypeObject, tp_del, 1),
    VOID(PyTypeObject, tp_finalize, 1), T(tp_vectorcall, 4), END};
static const Slot of_number[] = {N(nb_add, 2), N(nb_subtract, 2), N(nb_multiply, 2), N(nb_remainder, 2),
    N(nb_divmod, 2), N(nb_power, 3), N(nb_negative, 1), N(nb_positive, 1), N(nb_absolute, 1), N(nb_bool, 1),
    N(nb_invert, 1), N(nb_lshift, 2), N(nb_rshift, 2), N(nb_and, 2), N(nb_xor, 2), N(nb_or, 2), N(nb_int, 1),
    N(nb_float, 1), N(nb_inplace_add, 2), N(nb_inplace_subtract, 2), N(nb_inplace_multiply, 2),
    N(nb_inplace_remainder, 2), N(nb_inplace_power, 3), N(nb_inplace_lshift, 2), N(nb_inplace_rshift, 2),
    N(nb_inplace_and, 2), N(nb_inplace_xor, 2), N(nb_inplace_or, 2), N(nb_floor_divide, 2), N(nb_true_divide, 2),
    N(nb_inplace_floor_divide, 2), N(nb_inplace_true_divide, 2), N(nb_index, 1), N(nb_matrix_multiply, 2),
    N(nb_inplace_matrix_multiply, 2), END};
#define Q(NAME, PARAMETERS) S(PySequenceMethods, NAME, PARAMETERS)
static const Slot of_sequence[] = {Q(sq_length, 1), Q(sq_concat, 2), Q(sq_repeat, 2), Q(sq_item, 2),
    Q(sq_ass_item, 3), Q(sq_contains, 2), Q(sq_inplace_concat, 2), Q(sq_inplace_repeat, 2), END};
#define M(NAME, PARAMETERS) S(PyMappingMethods, NAME, PARAMETERS)
static const Slot of_mapping[] = {M(mp_length, 1), M(mp_subscript, 2), M(mp_ass_subscript, 3), END};
static const Slot of_buffer[] = {
    S(PyBufferProcs, bf_getbuffer, 3), VOID(PyBufferProcs, bf_releasebuffer, 2), END};
#define A(NAME, PARAMETERS) S(PyAsyncMethods, NAME, PARAMETERS)
static const Slot of_async[] = {A(am_await, 1), A(am_aiter, 1), A(am_anext, 1), A(am_send, 3), END};
static const Slot of_module[] = {
    S(PyModuleDef, m_traverse, 3), S(PyModuleDef, m_clear, 1), VOID(PyModuleDef, m_free, 1), END};

static int check(PyObject *found, const char *name, Function function, int parameters, int result)
{
    if (function == NULL || has_type(function, parameters, result))
        return 0;
    PyObject *text = PyUnicode_FromString(name);
    int failed = text == NULL || PyList_Append(found, text) < 0;
    Py_XDECREF(text);
    return failed;
}

static int check_slots(PyObject *found, const void *structure, const Slot *slots)
{
    for (; structure != NULL && slots->name != NULL; slots++) {
        Function function = *(const Function *)((const char *)structure + slots->offset);
        if (check(found, slots->name, function, slots->parameters, slots->result))
            return -1;
    }
    return 0;
}

static int check_methods(PyObject *found, const PyMethodDef *methods)
{
    for (; methods != NULL && methods->ml_name != NULL; methods++) {
        int flags = methods->ml_flags, parameters = 2;
        if (flags & METH_FASTCALL)
            parameters = 3 + !!(flags & METH_KEYWORDS) + !!(flags & METH_METHOD);
        else if (flags & METH_KEYWORDS)
            parameters = 3;
        if (check(found, methods->ml_name, (Function)methods->ml_meth, parameters, 1))
            return -1;
    }
    return 0;
}

static int check_getset(PyObject *found, const PyGetSetDef *getset)
{
    for (; getset != NULL && getset->name != NULL; getset++)
        if (check(found, getset->name, (Function)getset->get, 2, 1) ||
            check(found, getset->name, (Function)getset->set, 3, 1))
            return -1;
    return 0;
}

static PyObject *of(PyObject *module, PyObject *object)
{
    PyObject *found = PyList_New(0);
    if (found == NULL)
        return NULL;
    int failed = 0;
    if (PyType_Check(object)) {
        PyTypeObject *type = (PyTypeObject *)object;
        failed = check_slots(found, type, of_type) || check_slots(found, type->tp_as_number, of_number) ||
            check_slots(found, type->tp_as_sequence, of_sequence) ||
            check_slots(found, type->tp_as_mapping, of_mapping) ||
            check_slots(found, type->tp_as_buffer, of_buffer) || check_slots(found, type->tp_as_async, of_async) ||
            check_methods(found, type->tp_methods) || check_getset(found, type->tp_getset);
    } else if (PyModule_Check(object) && PyModule_GetDef(object) != NULL) {
        PyModuleDef *definition = PyModule_GetDef(object);
        failed = check_slots(found, definition, of_module) || check_methods(found, definition->m_methods);
    }
    if (failed)
        Py_CLEAR(found);
    return found;
}
EXTENSION(signatures, {"of", of, METH_O, NULL})
