#ifndef PYWASM_REFUSALS_H
#define PYWASM_REFUSALS_H

#include <wasi/api.h>

/* Why the host did not change what `path` names, and why it made nothing there; another error stays as it is. */
__wasi_errno_t __refusal_to_change(__wasi_errno_t error, int host, const char *path);
__wasi_errno_t __refusal_to_make(__wasi_errno_t error, int host, const char *path);

#endif
