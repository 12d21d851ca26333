/* The program's descriptors: numbers that stand for open descriptions, which several numbers may share.
 *
 * WASI knows neither duplicates nor pipes nor devices. All descriptor calls of the C library end in __wasi_*
 * functions; ours look the number up here and pass on to the host what is the host's.
 */
#ifndef PYWASM_DESCRIPTORS_H
#define PYWASM_DESCRIPTORS_H

#include <stdbool.h>
#include <wasi/api.h>

/* What sysconf, getrlimit and getdtablesize say, too. */
#define DESCRIPTORS_MAX 65536

/* A file type that WASI lacks; only stat of ours meets it. */
#define FILETYPE_PIPE ((__wasi_filetype_t)8)

enum kind { KIND_HOST, KIND_DEVICE, KIND_PIPE, KIND_SOCKET };

/* What a directory is, as far as finding the devices goes. */
enum place { PLACE_ELSEWHERE, PLACE_ROOT, PLACE_DEVICES };

struct description {
    enum kind kind;
    enum place place;
    unsigned references;
    int number;             /* of a KIND_HOST: the host's descriptor; of a KIND_DEVICE: which one */
    __wasi_fdflags_t flags; /* of all but KIND_HOST: O_NONBLOCK and the like */
    bool readable, writable;
    struct pipe *in, *out;
};

/* The description behind a number, or NULL. */
struct description *__descriptor_find(int fd);
/* The host's number behind ours; `otherwise` if the description is not the host's. */
__wasi_errno_t __descriptor_host(int fd, __wasi_errno_t otherwise, int *host);
/* Make a description with no reference; NULL without memory. */
struct description *__description_new(enum kind kind, int number);
/* Let the lowest free number from `lowest` on stand for it; a description that gets no number is released. */
__wasi_errno_t __descriptor_add(struct description *it, int lowest, bool close_on_exec, int *fd);
/* Let `fd` stand for it, whatever it stood for before. */
__wasi_errno_t __descriptor_set(struct description *it, int fd, bool close_on_exec);
__wasi_errno_t __descriptor_close(int fd);
/* Where the flag FD_CLOEXEC of an open number is kept; NULL if it is not open. */
bool *__descriptor_close_on_exec(int fd);

/* The directories that the host opened before the program began. */
#define PREOPENS_FIRST (1 << 24)
struct description *__preopen_find(int fd);

/* devices.c */
int __device_named(const char *name);
int __device_alias(const char *name);
__wasi_errno_t __device_read(int device, const __wasi_iovec_t *vectors, size_t count, __wasi_size_t *done);
__wasi_errno_t __device_write(int device, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done);

/* pipes.c */
/* POSIX: a write of at most so many bytes is done as a whole or not at all. What is ready has room for one. */
#define PIPE_ATOMIC 4096
struct pipe *__pipe_new(void);
size_t __pipe_readable(const struct pipe *pipe, bool *hangup);
size_t __pipe_writable(const struct pipe *pipe, bool *hangup);
__wasi_errno_t __pipe_read(
    const struct description *it, const __wasi_iovec_t *vectors, size_t count, bool keep, __wasi_size_t *done);
__wasi_errno_t __pipe_write(
    const struct description *it, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done);
void __pipe_end_reading(struct description *it);
void __pipe_end_writing(struct description *it);

#endif
