/* Which functions of python.wasm are variadic, and how many parameters they have before `...`.
 *
 * A variadic function of wasm takes a pointer to the further arguments as its last parameter: its type does not tell
 * that, and calls from ctypes often do not either, for on most machines nothing depends on it.
 */
#include "ffi_backend.h"

#include <Python.h>
#include <fcntl.h>
#include <monetary.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define ENTRY(function, fixed) {(void (*)(void))(function), fixed}

static const struct variadic {
    void (*function)(void);
    unsigned fixed;
} variadics[] = {
    ENTRY(printf, 1), ENTRY(fprintf, 2), ENTRY(dprintf, 2), ENTRY(sprintf, 2), ENTRY(snprintf, 3), ENTRY(asprintf, 2),
    ENTRY(wprintf, 1), ENTRY(fwprintf, 2), ENTRY(swprintf, 3),
    ENTRY(scanf, 1), ENTRY(fscanf, 2), ENTRY(sscanf, 2), ENTRY(wscanf, 1), ENTRY(fwscanf, 2), ENTRY(swscanf, 2),
    ENTRY(open, 2), ENTRY(openat, 3), ENTRY(fcntl, 2), ENTRY(ioctl, 2), ENTRY(strfmon, 3), ENTRY(strfmon_l, 4),
    ENTRY(PyArg_Parse, 2), ENTRY(PyArg_ParseTuple, 2), ENTRY(PyArg_ParseTupleAndKeywords, 4),
    ENTRY(PyArg_UnpackTuple, 4), ENTRY(Py_BuildValue, 1), ENTRY(PyBytes_FromFormat, 1), ENTRY(PyErr_Format, 2),
    ENTRY(PyErr_ResourceWarning, 3), ENTRY(PyErr_WarnExplicitFormat, 6), ENTRY(PySys_Audit, 2),
    ENTRY(PyErr_WarnFormat, 3), ENTRY(PyErr_FormatUnraisable, 1), ENTRY(PyObject_CallFunction, 2),
    ENTRY(PyObject_CallMethod, 3), ENTRY(PyObject_CallFunctionObjArgs, 1), ENTRY(PyObject_CallMethodObjArgs, 2),
    ENTRY(PyOS_snprintf, 3), ENTRY(PySys_WriteStdout, 1), ENTRY(PySys_WriteStderr, 1), ENTRY(PySys_FormatStdout, 1),
    ENTRY(PySys_FormatStderr, 1), ENTRY(PyTuple_Pack, 1), ENTRY(PyUnicode_FromFormat, 1),
};

#define COUNT (sizeof variadics / sizeof variadics[0])

/* Every call asks, so the answer is one load as a rule: a sparse open hash table, keyed by slot. */
#define PLACES 256

static unsigned char table[PLACES]; /* 1 + index */

static unsigned place_of(void (*function)(void))
{
    return (unsigned)(size_t)function % PLACES;
}

__attribute__((constructor)) static void fill_table(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned place = place_of(variadics[i].function);
        while (table[place] != 0)
            place = (place + 1) % PLACES;
        table[place] = i + 1;
    }
}

unsigned ffi_fixed_parameters(void (*function)(void))
{
    for (unsigned place = place_of(function); table[place] != 0; place = (place + 1) % PLACES)
        if (variadics[table[place] - 1].function == function)
            return variadics[table[place] - 1].fixed;
    return 0;
}
