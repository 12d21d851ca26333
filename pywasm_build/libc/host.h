/* The host's functions of WASI, under the names host_*.
 *
 * Their descriptors are the host's numbers; those that a program sees are translated by descriptors.c.
 */
#ifndef PYWASM_HOST_H
#define PYWASM_HOST_H

#include <wasi/api.h>

#define HOST(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) extern

HOST(args_get) __wasi_errno_t host_args_get(uint8_t **argv, uint8_t *argv_buf);
HOST(args_sizes_get) __wasi_errno_t host_args_sizes_get(__wasi_size_t *count, __wasi_size_t *bytes);
HOST(environ_get) __wasi_errno_t host_environ_get(uint8_t **environ, uint8_t *environ_buf);
HOST(environ_sizes_get) __wasi_errno_t host_environ_sizes_get(__wasi_size_t *count, __wasi_size_t *bytes);
HOST(clock_res_get) __wasi_errno_t host_clock_res_get(__wasi_clockid_t id, __wasi_timestamp_t *resolution);
HOST(clock_time_get) __wasi_errno_t
host_clock_time_get(__wasi_clockid_t id, __wasi_timestamp_t precision, __wasi_timestamp_t *time);
HOST(random_get) __wasi_errno_t host_random_get(uint8_t *buffer, __wasi_size_t size);
HOST(sched_yield) __wasi_errno_t host_sched_yield(void);
HOST(proc_exit) _Noreturn void host_proc_exit(__wasi_exitcode_t status);

HOST(fd_advise) __wasi_errno_t
host_fd_advise(int fd, __wasi_filesize_t offset, __wasi_filesize_t length, __wasi_advice_t advice);
HOST(fd_allocate) __wasi_errno_t host_fd_allocate(int fd, __wasi_filesize_t offset, __wasi_filesize_t length);
HOST(fd_close) __wasi_errno_t host_fd_close(int fd);
HOST(fd_datasync) __wasi_errno_t host_fd_datasync(int fd);
HOST(fd_fdstat_get) __wasi_errno_t host_fd_fdstat_get(int fd, __wasi_fdstat_t *result);
HOST(fd_fdstat_set_flags) __wasi_errno_t host_fd_fdstat_set_flags(int fd, __wasi_fdflags_t flags);
HOST(fd_fdstat_set_rights) __wasi_errno_t
host_fd_fdstat_set_rights(int fd, __wasi_rights_t base, __wasi_rights_t inheriting);
HOST(fd_filestat_get) __wasi_errno_t host_fd_filestat_get(int fd, __wasi_filestat_t *result);
HOST(fd_filestat_set_size) __wasi_errno_t host_fd_filestat_set_size(int fd, __wasi_filesize_t size);
HOST(fd_filestat_set_times) __wasi_errno_t
host_fd_filestat_set_times(int fd, __wasi_timestamp_t atim, __wasi_timestamp_t mtim, __wasi_fstflags_t flags);
HOST(fd_pread) __wasi_errno_t host_fd_pread(
    int fd, const __wasi_iovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done);
HOST(fd_prestat_get) __wasi_errno_t host_fd_prestat_get(int fd, __wasi_prestat_t *result);
HOST(fd_prestat_dir_name) __wasi_errno_t host_fd_prestat_dir_name(int fd, uint8_t *path, __wasi_size_t size);
HOST(fd_pwrite) __wasi_errno_t host_fd_pwrite(
    int fd, const __wasi_ciovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done);
HOST(fd_read) __wasi_errno_t
host_fd_read(int fd, const __wasi_iovec_t *vectors, size_t count, __wasi_size_t *done);
HOST(fd_readdir) __wasi_errno_t
host_fd_readdir(int fd, uint8_t *buffer, __wasi_size_t size, __wasi_dircookie_t cookie, __wasi_size_t *used);
HOST(fd_seek) __wasi_errno_t
host_fd_seek(int fd, __wasi_filedelta_t offset, __wasi_whence_t whence, __wasi_filesize_t *position);
HOST(fd_sync) __wasi_errno_t host_fd_sync(int fd);
HOST(fd_tell) __wasi_errno_t host_fd_tell(int fd, __wasi_filesize_t *position);
HOST(fd_write) __wasi_errno_t
host_fd_write(int fd, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done);

HOST(path_create_directory) __wasi_errno_t host_path_create_directory(int fd, const char *path, size_t length);
HOST(path_filestat_get) __wasi_errno_t host_path_filestat_get(
    int fd, __wasi_lookupflags_t flags, const char *path, size_t length, __wasi_filestat_t *result);
HOST(path_filestat_set_times) __wasi_errno_t host_path_filestat_set_times(
    int fd, __wasi_lookupflags_t lookup, const char *path, size_t length, __wasi_timestamp_t atim,
    __wasi_timestamp_t mtim, __wasi_fstflags_t flags);
HOST(path_link) __wasi_errno_t host_path_link(
    int old_fd, __wasi_lookupflags_t flags, const char *old, size_t old_length, int new_fd, const char *new,
    size_t new_length);
HOST(path_open) __wasi_errno_t host_path_open(
    int fd, __wasi_lookupflags_t lookup, const char *path, size_t length, __wasi_oflags_t oflags,
    __wasi_rights_t base, __wasi_rights_t inheriting, __wasi_fdflags_t flags, __wasi_fd_t *opened);
HOST(path_readlink) __wasi_errno_t host_path_readlink(
    int fd, const char *path, size_t length, uint8_t *buffer, __wasi_size_t size, __wasi_size_t *used);
HOST(path_remove_directory) __wasi_errno_t host_path_remove_directory(int fd, const char *path, size_t length);
HOST(path_rename) __wasi_errno_t
host_path_rename(int fd, const char *old, size_t old_length, int new_fd, const char *new, size_t new_length);
HOST(path_symlink) __wasi_errno_t
host_path_symlink(const char *target, size_t target_length, int fd, const char *path, size_t length);
HOST(path_unlink_file) __wasi_errno_t host_path_unlink_file(int fd, const char *path, size_t length);

HOST(poll_oneoff) __wasi_errno_t host_poll_oneoff(
    const __wasi_subscription_t *subscriptions, __wasi_event_t *events, __wasi_size_t count, __wasi_size_t *happened);
HOST(sock_accept) __wasi_errno_t host_sock_accept(int fd, __wasi_fdflags_t flags, __wasi_fd_t *accepted);
HOST(sock_recv) __wasi_errno_t host_sock_recv(
    int fd, const __wasi_iovec_t *vectors, size_t count, __wasi_riflags_t flags, __wasi_size_t *done,
    __wasi_roflags_t *result_flags);
HOST(sock_send) __wasi_errno_t host_sock_send(
    int fd, const __wasi_ciovec_t *vectors, size_t count, __wasi_siflags_t flags, __wasi_size_t *done);
HOST(sock_shutdown) __wasi_errno_t host_sock_shutdown(int fd, __wasi_sdflags_t how);

#endif
