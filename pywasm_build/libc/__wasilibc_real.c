/* The C library's way to the host, for calls without a descriptor; the others are in *_calls.c.
 *
 * The member that this one replaces passes everything on as it is.
 */
#include "host.h"

/* In mmap.c; there only if the program maps files. */
void __mmap_write_back(void) __attribute__((weak));

__wasi_errno_t __wasi_args_get(uint8_t **argv, uint8_t *argv_buf)
{
    return host_args_get(argv, argv_buf);
}

__wasi_errno_t __wasi_args_sizes_get(__wasi_size_t *count, __wasi_size_t *bytes)
{
    return host_args_sizes_get(count, bytes);
}

__wasi_errno_t __wasi_environ_get(uint8_t **environ, uint8_t *environ_buf)
{
    return host_environ_get(environ, environ_buf);
}

__wasi_errno_t __wasi_environ_sizes_get(__wasi_size_t *count, __wasi_size_t *bytes)
{
    return host_environ_sizes_get(count, bytes);
}

__wasi_errno_t __wasi_clock_res_get(__wasi_clockid_t id, __wasi_timestamp_t *resolution)
{
    return host_clock_res_get(id, resolution);
}

__wasi_errno_t __wasi_clock_time_get(__wasi_clockid_t id, __wasi_timestamp_t precision, __wasi_timestamp_t *time)
{
    return host_clock_time_get(id, precision, time);
}

__wasi_errno_t __wasi_random_get(uint8_t *buffer, __wasi_size_t size)
{
    return host_random_get(buffer, size);
}

__wasi_errno_t __wasi_sched_yield(void)
{
    return host_sched_yield();
}

_Noreturn void __wasi_proc_exit(__wasi_exitcode_t status)
{
    /* Shared maps of files are written by the kernel elsewhere, whatever way a program ends. */
    if (__mmap_write_back)
        __mmap_write_back();
    host_proc_exit(status);
}
