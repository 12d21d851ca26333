/* Pipes within the program: bytes in linear memory.
 *
 * There is one thread. Where another system would wait for the other end, nobody could ever come, so a call that
 * would have to wait fails with EDEADLK; with O_NONBLOCK it fails with EAGAIN, as everywhere.
 */
#include <stdlib.h>
#include <string.h>

#include "descriptors.h"

#define CAPACITY 65536
#define FIRST_CAPACITY 1024

struct pipe {
    uint8_t *bytes;
    size_t begin, length, capacity;
    bool has_reader, has_writer;
};

struct pipe *__pipe_new(void)
{
    struct pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe != NULL)
        pipe->has_reader = pipe->has_writer = true;
    return pipe;
}

static void free_unused(struct pipe *pipe)
{
    if (pipe->has_reader || pipe->has_writer)
        return;
    free(pipe->bytes);
    free(pipe);
}

void __pipe_end_reading(struct description *it)
{
    if (it->in == NULL)
        return;
    it->in->has_reader = false;
    free_unused(it->in);
    it->in = NULL;
}

void __pipe_end_writing(struct description *it)
{
    if (it->out == NULL)
        return;
    it->out->has_writer = false;
    free_unused(it->out);
    it->out = NULL;
}

/* How many bytes can be read at once; `hangup` if no more will come. */
size_t __pipe_readable(const struct pipe *pipe, bool *hangup)
{
    *hangup = pipe == NULL || !pipe->has_writer;
    return pipe == NULL ? 0 : pipe->length;
}

/* How many bytes can be written at once; `hangup` if nobody will read them. */
size_t __pipe_writable(const struct pipe *pipe, bool *hangup)
{
    *hangup = pipe == NULL || !pipe->has_reader;
    return pipe == NULL ? 0 : CAPACITY - pipe->length;
}

static __wasi_errno_t would_wait(const struct description *it)
{
    return it->flags & __WASI_FDFLAGS_NONBLOCK ? __WASI_ERRNO_AGAIN : __WASI_ERRNO_DEADLK;
}

static size_t total(const __wasi_ciovec_t *vectors, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += vectors[i].buf_len;
    return bytes;
}

/* Make room for `wanted` more bytes behind those that are there. */
static bool reserve(struct pipe *pipe, size_t wanted)
{
    size_t capacity = pipe->capacity ? pipe->capacity : FIRST_CAPACITY;
    while (capacity < pipe->length + wanted)
        capacity *= 2;
    if (capacity > pipe->capacity) {
        uint8_t *bytes = realloc(pipe->bytes, capacity);
        if (bytes == NULL)
            return false;
        pipe->bytes = bytes;
        pipe->capacity = capacity;
    }
    if (pipe->begin + pipe->length + wanted > capacity) {
        memmove(pipe->bytes, pipe->bytes + pipe->begin, pipe->length);
        pipe->begin = 0;
    }
    return true;
}

/* Read; with `keep` the bytes stay in the pipe. */
__wasi_errno_t __pipe_read(
    const struct description *it, const __wasi_iovec_t *vectors, size_t count, bool keep, __wasi_size_t *done)
{
    struct pipe *pipe = it->in;
    bool hangup;
    *done = 0;
    if (total((const __wasi_ciovec_t *)vectors, count) == 0)
        return __WASI_ERRNO_SUCCESS;
    if (__pipe_readable(pipe, &hangup) == 0)
        return hangup ? __WASI_ERRNO_SUCCESS : would_wait(it);
    for (size_t i = 0; i < count && *done < pipe->length; i++) {
        size_t left = pipe->length - *done, size = vectors[i].buf_len;
        size_t part = size < left ? size : left;
        if (part > 0)
            memcpy(vectors[i].buf, pipe->bytes + pipe->begin + *done, part);
        *done += part;
    }
    if (!keep) {
        pipe->length -= *done;
        pipe->begin = pipe->length ? pipe->begin + *done : 0;
    }
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __pipe_write(
    const struct description *it, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done)
{
    struct pipe *pipe = it->out;
    size_t wanted = total(vectors, count);
    bool hangup;
    size_t room = __pipe_writable(pipe, &hangup);
    *done = 0;
    if (hangup)
        return __WASI_ERRNO_PIPE;
    if (wanted > room && (room == 0 || wanted <= PIPE_ATOMIC))
        return would_wait(it);
    if (wanted > room)
        wanted = room;
    if (!reserve(pipe, wanted))
        return __WASI_ERRNO_NOMEM;
    for (size_t i = 0; *done < wanted; i++) {
        size_t left = wanted - *done, size = vectors[i].buf_len;
        size_t part = size < left ? size : left;
        if (part > 0)
            memcpy(pipe->bytes + pipe->begin + pipe->length, vectors[i].buf, part);
        pipe->length += part;
        *done += part;
    }
    return __WASI_ERRNO_SUCCESS;
}
