/* What every small extension module of these tests needs. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Define the module NAME with these entries of a method table. */
#define EXTENSION(NAME, ...)                                                                          \
    static PyMethodDef extension_methods[] = {__VA_ARGS__, {NULL, NULL, 0, NULL}};                    \
    static struct PyModuleDef extension_definition = {                                                \
        PyModuleDef_HEAD_INIT, #NAME, NULL, -1, extension_methods, NULL, NULL, NULL, NULL};           \
    PyMODINIT_FUNC PyInit_##NAME(void) { return PyModule_Create(&extension_definition); }
