/* Run functions: what an embedder calls in python.wasm instead of _start.
 *
 * pywasm_initialise starts the interpreter. Each other entry point calls the function of the same name in
 * pywasm_host._runner, which asks the host for what it needs (the module, the entry, the input) and tells it how that
 * went; here remains only what has to be done in C. All return 0 or more, and -1 if the runner itself failed: then
 * the traceback is on stderr.
 */
#include <Python.h>
#include <stdio.h>
#include <wasi/api.h>

#include "internal/pycore_ceval.h"
#include "internal/pycore_pystate.h"

#include "clock.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define MODULE "pywasm_host._runner"
#define INTERRUPTION "DeadlineExceeded"

void __wasm_call_ctors(void);

/* SQLite's generator of random numbers, if it is linked: without room for any, it takes a new seed. */
void sqlite3_randomness(int count, void *room) __attribute__((weak));

static PyObject *runner;

/* What the embedder writes to while the guest runs, to make the Python code raise `exception`: the pointer to
 * `*pending`, then `bit` into `*breaker`. Addresses, because a call into the guest is not possible then.
 */
static struct {
    PyObject **pending;
    PyObject *exception;
    uintptr_t *breaker;
    uintptr_t bit;
} interruption;

static int fail(void)
{
    PyObject *exception = PyErr_GetRaisedException();
    if (exception != NULL)
        PyErr_DisplayException(exception); /* PyErr_Print would end the process at a SystemExit */
    Py_XDECREF(exception);
    return -1;
}

static int call(const char *step)
{
    if (runner == NULL)
        return -1;
    PyObject *result = PyObject_CallMethod(runner, step, NULL);
    if (result == NULL)
        return fail();
    long number = PyLong_AsLong(result);
    Py_DECREF(result);
    return number < 0 ? fail() : (int)number;
}

/* Give the program's name, the first WASI argument: the interpreter finds its library by it. */
static PyStatus set_program_name(PyConfig *config)
{
    __wasi_size_t count, bytes;
    if (__wasi_args_sizes_get(&count, &bytes) != 0 || count == 0)
        return PyStatus_Error("the embedder gave no program name");
    uint8_t **arguments = PyMem_RawCalloc(count + 1, sizeof *arguments);
    uint8_t *text = PyMem_RawCalloc(bytes, 1);
    PyStatus status = PyStatus_NoMemory();
    if (arguments != NULL && text != NULL && __wasi_args_get(arguments, text) == 0)
        status = PyConfig_SetBytesString(config, &config->program_name, (const char *)arguments[0]);
    PyMem_RawFree(arguments);
    PyMem_RawFree(text);
    return status;
}

static PyStatus start_interpreter(void)
{
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.install_signal_handlers = 0;
    config.user_site_directory = 0;
    config.write_bytecode = 0;
    PyStatus status = set_program_name(&config);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

static int prepare_interruption(void)
{
    PyThreadState *state = PyThreadState_Get();
    PyObject *package = PyImport_ImportModule("pywasm_host");
    PyObject *exception = package ? PyObject_GetAttrString(package, INTERRUPTION) : NULL;
    Py_XDECREF(package);
    if (exception == NULL)
        return fail();
    /* Each raising takes a reference away, and the embedder adds none. */
    for (int i = 0; i < 1000; i++)
        Py_INCREF(exception);
    interruption.pending = &state->async_exc;
    interruption.exception = exception;
    interruption.breaker = &state->eval_breaker;
    interruption.bit = _PY_ASYNC_EXCEPTION_BIT;
    return 0;
}

EXPORT(pywasm_initialise) int pywasm_initialise(void)
{
    __wasm_call_ctors();
    PyStatus status = start_interpreter();
    if (PyStatus_Exception(status)) {
        fprintf(stderr, "the interpreter cannot start: %s\n", status.err_msg ? status.err_msg : "no reason given");
        return -1;
    }
    runner = PyImport_ImportModule(MODULE);
    return runner == NULL ? fail() : prepare_interruption();
}

EXPORT(pywasm_interruption) void *pywasm_interruption(void)
{
    return &interruption;
}

/* Import the packages of a base image. */
EXPORT(pywasm_preload) int pywasm_preload(void)
{
    return call("preload");
}

/* Import the function's module. */
EXPORT(pywasm_load) int pywasm_load(void)
{
    return call("load");
}

/* Call the entry; the result is the call's status only if it is no failure, the runner reports more. */
EXPORT(pywasm_call) int pywasm_call(void)
{
    int result = call("call");
    fflush(NULL);
    return result;
}

/* Be ready for a snapshot. */
EXPORT(pywasm_suspend) int pywasm_suspend(void)
{
    int result = call("suspend");
    fflush(NULL);
    pywasm_clock_stop();
    return result;
}

/* Go on after a restore: renew what two processes of one image must not share. */
EXPORT(pywasm_resume) int pywasm_resume(void)
{
    pywasm_clock_continue();
    if (sqlite3_randomness)
        sqlite3_randomness(0, NULL);
    return call("renew");
}
