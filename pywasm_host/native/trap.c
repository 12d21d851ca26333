/* What the embedder calls after a trap, to say which Python line it came from.
 *
 * The shadow stack may be exhausted then, so the embedder first points
 * __stack_pointer at the reserve whose top pywasm_trap_stack() gives.
 */
#include <Python.h>
#include "internal/pycore_traceback.h"

#define RESERVE 65536

static _Alignas(16) char reserve[RESERVE];

__attribute__((export_name("pywasm_trap_stack"))) char *pywasm_trap_stack(void)
{
    return reserve + RESERVE;
}

__attribute__((export_name("pywasm_dump_traceback"))) void pywasm_dump_traceback(int fd)
{
    PyThreadState *state = PyThreadState_GetUnchecked();
    if (state == NULL) /* a call that has let the GIL go */
        state = PyGILState_GetThisThreadState();
    if (state != NULL)
        _Py_DumpTraceback(fd, state);
}
