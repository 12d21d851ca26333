/* Reading and writing more than the host moves in one call.
 *
 * wasmtime copies what it reads and writes, and refuses to do so for more than 128 MiB at once, with ENOMEM. Programs
 * expect of a file that it gives and takes whatever they have room for, so large amounts are moved in pieces.
 */
#include "transfers.h"

#include <stdbool.h>

#include "host.h"

#define PIECE (64u << 20)

/* One of the four calls, for one vector. */
typedef __wasi_errno_t
mover(int host, const __wasi_iovec_t *piece, __wasi_filesize_t offset, __wasi_size_t *done);

static bool is_small(const __wasi_iovec_t *vectors, size_t count)
{
    size_t left = PIECE;
    for (size_t i = 0; i < count; i++) {
        if (vectors[i].buf_len > left)
            return false;
        left -= vectors[i].buf_len;
    }
    return true;
}

/* Move until all is done, or a piece only in part; an error counts only if nothing was moved before. */
static __wasi_errno_t in_pieces(
    mover *move, int host, const __wasi_iovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done)
{
    *done = 0;
    for (size_t i = 0; i < count; i++) {
        size_t left = vectors[i].buf_len;
        while (left > 0) {
            __wasi_iovec_t piece = {vectors[i].buf + (vectors[i].buf_len - left), left < PIECE ? left : PIECE};
            __wasi_size_t moved;
            __wasi_errno_t error = move(host, &piece, offset + *done, &moved);
            if (error != __WASI_ERRNO_SUCCESS)
                return *done > 0 ? __WASI_ERRNO_SUCCESS : error;
            *done += moved;
            left -= moved;
            if (moved < piece.buf_len)
                return __WASI_ERRNO_SUCCESS;
        }
    }
    return __WASI_ERRNO_SUCCESS;
}

static __wasi_errno_t read_piece(
    int host, const __wasi_iovec_t *piece, __wasi_filesize_t offset, __wasi_size_t *done)
{
    (void)offset;
    return host_fd_read(host, piece, 1, done);
}

static __wasi_errno_t write_piece(
    int host, const __wasi_iovec_t *piece, __wasi_filesize_t offset, __wasi_size_t *done)
{
    (void)offset;
    return host_fd_write(host, (const __wasi_ciovec_t *)piece, 1, done);
}

static __wasi_errno_t pread_piece(
    int host, const __wasi_iovec_t *piece, __wasi_filesize_t offset, __wasi_size_t *done)
{
    return host_fd_pread(host, piece, 1, offset, done);
}

static __wasi_errno_t pwrite_piece(
    int host, const __wasi_iovec_t *piece, __wasi_filesize_t offset, __wasi_size_t *done)
{
    return host_fd_pwrite(host, (const __wasi_ciovec_t *)piece, 1, offset, done);
}

__wasi_errno_t __transfer_read(int host, const __wasi_iovec_t *vectors, size_t count, __wasi_size_t *done)
{
    return is_small(vectors, count) ? host_fd_read(host, vectors, count, done)
                                    : in_pieces(read_piece, host, vectors, count, 0, done);
}

__wasi_errno_t __transfer_write(int host, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done)
{
    const __wasi_iovec_t *same = (const __wasi_iovec_t *)vectors;
    return is_small(same, count) ? host_fd_write(host, vectors, count, done)
                                 : in_pieces(write_piece, host, same, count, 0, done);
}

__wasi_errno_t __transfer_pread(
    int host, const __wasi_iovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done)
{
    return is_small(vectors, count) ? host_fd_pread(host, vectors, count, offset, done)
                                    : in_pieces(pread_piece, host, vectors, count, offset, done);
}

__wasi_errno_t __transfer_pwrite(
    int host, const __wasi_ciovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done)
{
    const __wasi_iovec_t *same = (const __wasi_iovec_t *)vectors;
    return is_small(same, count) ? host_fd_pwrite(host, vectors, count, offset, done)
                                 : in_pieces(pwrite_piece, host, same, count, offset, done);
}
