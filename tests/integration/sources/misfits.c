/* Functions whose types are not those of their slots, as real packages have them. */
#include "extension.h"

typedef struct { PyObject_HEAD PyObject *other; } Misfit;

static void note(const char *what) { PySys_WriteStdout("%s\n", what); }

static int misfit_traverse(Misfit *self, visitproc visit, void *arg)
{
    Py_VISIT(self->other);
    return 0;
}
static void clear_without_result(Misfit *self)
{
    note("cleared");
    Py_CLEAR(self->other);
}
static int dealloc_with_result(Misfit *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->other);
    type->tp_free((PyObject *)self);
    note("deallocated");
    return 1;
}
static int finalize_with_result(Misfit *self)
{
    note("finalized");
    return 1;
}
static PyObject *new_without_keywords(PyTypeObject *type, PyObject *args)
{
    return type->tp_alloc(type, 0);
}
static int init_without_keywords(Misfit *self, PyObject *args)
{
    if (PyTuple_GET_SIZE(args) > 1) {
        PyErr_SetString(PyExc_ValueError, "more than one");
        return -1;
    }
    if (PyTuple_GET_SIZE(args) == 1)
        self->other = Py_NewRef(PyTuple_GET_ITEM(args, 0));
    return 0;
}
static PyObject *call_without_keywords(Misfit *self, PyObject *args) { return Py_NewRef(args); }
static PyObject *text_with_arguments(Misfit *self, PyObject *args)
{
    return PyUnicode_FromString(args == NULL ? "text" : "text of something");
}
static PyObject *iterate_with_arguments(Misfit *self, PyObject *args)
{
    return args == NULL ? PySeqIter_New(PyTuple_New(0)) : NULL;
}
static PyObject *power_of_two(PyObject *a, PyObject *b) { return Py_BuildValue("si", "power", PyLong_Check(b)); }

static PyObject *get(Misfit *self) { return Py_NewRef(self->other ? self->other : Py_None); }
static int set(Misfit *self, PyObject *value)
{
    Py_XSETREF(self->other, Py_XNewRef(value));
    return 0;
}
static PyGetSetDef getset[] = {{"other", (getter)get, (setter)set, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyObject *of_none(void) { return PyUnicode_FromString("of none"); }
static PyObject *of_self(PyObject *self) { return PyUnicode_FromString("of self"); }
static PyObject *of_two(PyObject *self, PyObject *args) { return Py_NewRef(args); }
static PyObject *of_three(PyObject *self, PyObject *args, PyObject *keywords)
{
    return Py_BuildValue("Oi", args ? args : Py_None, keywords != NULL);
}
#define FUNCTIONS                                                               \
    {"none_noargs", (PyCFunction)of_none, METH_NOARGS, NULL},                   \
    {"noargs", (PyCFunction)of_self, METH_NOARGS, NULL},                        \
    {"one", (PyCFunction)of_self, METH_O, NULL},                                \
    {"three_noargs", (PyCFunction)of_three, METH_NOARGS, NULL},                 \
    {"three_one", (PyCFunction)of_three, METH_O, NULL},                         \
    {"varargs", (PyCFunction)of_self, METH_VARARGS, NULL},                      \
    {"three_varargs", (PyCFunction)of_three, METH_VARARGS, NULL},               \
    {"keywords", (PyCFunction)of_two, METH_VARARGS | METH_KEYWORDS, NULL},      \
    {"self_keywords", (PyCFunction)of_self, METH_VARARGS | METH_KEYWORDS, NULL}
static PyMethodDef methods[] = {FUNCTIONS, {NULL, NULL, 0, NULL}};

static PyNumberMethods number = {
    .nb_power = (ternaryfunc)power_of_two, .nb_inplace_power = (ternaryfunc)power_of_two};
static PyTypeObject Misfit_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "misfits.Misfit", .tp_basicsize = sizeof(Misfit),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)misfit_traverse, .tp_clear = (inquiry)clear_without_result,
    .tp_dealloc = (destructor)dealloc_with_result, .tp_finalize = (destructor)finalize_with_result,
    .tp_new = (newfunc)new_without_keywords, .tp_init = (initproc)init_without_keywords,
    .tp_call = (ternaryfunc)call_without_keywords, .tp_repr = (reprfunc)text_with_arguments,
    .tp_str = (reprfunc)text_with_arguments, .tp_iter = (getiterfunc)iterate_with_arguments,
    .tp_as_number = &number, .tp_getset = getset, .tp_methods = methods};

static int forget(PyObject *capsule)
{
    note("capsule forgotten");
    return 1;
}
static PyObject *capsule(PyObject *module, PyObject *none)
{
    return PyCapsule_New(&Misfit_Type, NULL, (PyCapsule_Destructor)(void (*)(void))forget);
}
static PyMethodDef functions[] = {FUNCTIONS, {"capsule", capsule, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static void module_clear(PyObject *module) { note("module cleared"); }
static int module_free(void *module)
{
    note("module freed");
    return 1;
}
static int prepared;
static int prepare(void) { return prepared++; }
static int execute(PyObject *module)
{
    return PyModule_AddIntConstant(module, "prepared", prepared) || PyModule_AddType(module, &Misfit_Type);
}
static PyModuleDef_Slot phases[] = {{Py_mod_exec, prepare}, {Py_mod_exec, execute}, {0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "misfits", .m_methods = functions,
    .m_slots = phases, .m_clear = (inquiry)(void (*)(void))module_clear,
    .m_free = (freefunc)(void (*)(void))module_free};
PyMODINIT_FUNC PyInit_misfits(void) { return PyModuleDef_Init(&definition); }
