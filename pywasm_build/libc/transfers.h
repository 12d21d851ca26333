#ifndef PYWASM_TRANSFERS_H
#define PYWASM_TRANSFERS_H

#include <wasi/api.h>

/* The host's fd_read, fd_write, fd_pread and fd_pwrite for any amount. */
__wasi_errno_t __transfer_read(int host, const __wasi_iovec_t *vectors, size_t count, __wasi_size_t *done);
__wasi_errno_t __transfer_write(int host, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done);
__wasi_errno_t __transfer_pread(
    int host, const __wasi_iovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done);
__wasi_errno_t __transfer_pwrite(
    int host, const __wasi_ciovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done);

#endif
