/* Translate what WASI says about a file. */
#include <string.h>

#include "attributes.h"
#include "descriptors.h"

#define NANOSECONDS 1000000000u
/* As large as the buffers of most programs; the host has no block size that it would tell. */
#define BLOCK_SIZE 8192

/* The permissions are those that a file has for root with the customary umask. */
static mode_t mode_of(__wasi_filetype_t type)
{
    switch (type) {
    case __WASI_FILETYPE_REGULAR_FILE:
        return S_IFREG | 0644;
    case __WASI_FILETYPE_DIRECTORY:
        return S_IFDIR | 0755;
    case __WASI_FILETYPE_SYMBOLIC_LINK:
        return S_IFLNK | 0777;
    case __WASI_FILETYPE_CHARACTER_DEVICE:
        return S_IFCHR | 0666;
    case __WASI_FILETYPE_BLOCK_DEVICE:
        return S_IFBLK | 0666;
    case __WASI_FILETYPE_SOCKET_DGRAM:
    case __WASI_FILETYPE_SOCKET_STREAM:
        return S_IFSOCK | 0777;
    case FILETYPE_PIPE:
        return S_IFIFO | 0600;
    default:
        return 0;
    }
}

static struct timespec time_of(__wasi_timestamp_t time)
{
    return (struct timespec){.tv_sec = (time_t)(time / NANOSECONDS), .tv_nsec = (long)(time % NANOSECONDS)};
}

void __fill_stat(const __wasi_filestat_t *from, struct stat *to)
{
    memset(to, 0, sizeof *to);
    to->st_dev = from->dev;
    to->st_ino = from->ino;
    to->st_nlink = from->nlink;
    to->st_mode = mode_of(from->filetype);
    to->st_size = (off_t)from->size;
    to->st_blksize = BLOCK_SIZE;
    to->st_blocks = (blkcnt_t)((from->size + 511) / 512);
    to->st_atim = time_of(from->atim);
    to->st_mtim = time_of(from->mtim);
    to->st_ctim = time_of(from->ctim);
    const struct attributes *set = __attributes_find(from->dev, from->ino);
    if (set == NULL)
        return;
    to->st_mode = (to->st_mode & S_IFMT) | set->permissions;
    to->st_uid = set->user;
    to->st_gid = set->group;
}
