/* The calls of WASI that take a path: passed on to the host, but for the devices in /dev. */
#include <string.h>

#include "attributes.h"
#include "descriptors.h"
#include "host.h"
#include "refusals.h"

/* What is found on the way along a path from a directory: at its end a directory of note or a name in /dev. */
struct found {
    enum place place;
    const char *device; /* the name in /dev, or NULL */
};

static const char *skip_slashes_and_dots(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
        path++;
    return path;
}

/* Links are not followed: no runtime root has one that leads into /dev. */
static struct found follow(const struct description *directory, const char *path)
{
    enum place place = directory->place;
    path = skip_slashes_and_dots(path);
    if (place == PLACE_ROOT && strncmp(path, "dev", 3) == 0 && (path[3] == '/' || path[3] == '\0')) {
        place = PLACE_DEVICES;
        path = skip_slashes_and_dots(path + 3);
    }
    if (*path == '\0')
        return (struct found){place, NULL};
    return (struct found){PLACE_ELSEWHERE, place == PLACE_DEVICES ? path : NULL};
}

/* Look up the directory; a name that is a device of ours comes out in `device`, a name for a descriptor in `alias`. */
static __wasi_errno_t begin(int fd, const char *path, struct description **directory, int *device, int *alias)
{
    *directory = __descriptor_find(fd);
    *device = *alias = -1;
    if (*directory == NULL)
        return __WASI_ERRNO_BADF;
    if ((*directory)->kind != KIND_HOST)
        return __WASI_ERRNO_NOTDIR;
    const char *name = (*directory)->place == PLACE_ELSEWHERE ? NULL : follow(*directory, path).device;
    if (name != NULL) {
        *device = __device_named(name);
        *alias = __device_alias(name);
    }
    return __WASI_ERRNO_SUCCESS;
}

static __wasi_errno_t host_directory(int fd, int *host)
{
    return __descriptor_host(fd, __WASI_ERRNO_NOTDIR, host);
}

static __wasi_errno_t open_device(int device, __wasi_oflags_t oflags, __wasi_rights_t rights, __wasi_fd_t *opened)
{
    if (oflags & __WASI_OFLAGS_DIRECTORY)
        return __WASI_ERRNO_NOTDIR;
    if ((oflags & __WASI_OFLAGS_CREAT) && (oflags & __WASI_OFLAGS_EXCL))
        return __WASI_ERRNO_EXIST;
    struct description *it = __description_new(KIND_DEVICE, device);
    if (it == NULL)
        return __WASI_ERRNO_NOMEM;
    it->readable = rights & __WASI_RIGHTS_FD_READ;
    it->writable = rights & __WASI_RIGHTS_FD_WRITE;
    return __descriptor_add(it, 0, true, opened);
}

static __wasi_errno_t open_alias(int alias, __wasi_fd_t *opened)
{
    struct description *it = __descriptor_find(alias);
    return it ? __descriptor_add(it, 0, true, opened) : __WASI_ERRNO_NOENT;
}

/* Let a number stand for what the host has just opened. */
static __wasi_errno_t adopt(int host, enum place place, __wasi_fd_t *opened)
{
    struct description *it = __description_new(KIND_HOST, host);
    if (it == NULL) {
        (void)host_fd_close(host);
        return __WASI_ERRNO_NOMEM;
    }
    it->place = place;
    return __descriptor_add(it, 0, true, opened);
}

__wasi_errno_t __wasi_path_open(
    __wasi_fd_t fd, __wasi_lookupflags_t lookup, const char *path, __wasi_oflags_t oflags, __wasi_rights_t base,
    __wasi_rights_t inheriting, __wasi_fdflags_t flags, __wasi_fd_t *opened)
{
    struct description *directory;
    int device, alias, host;
    __wasi_errno_t error = begin(fd, path, &directory, &device, &alias);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    if (device >= 0)
        return open_device(device, oflags, base, opened);
    if (alias >= 0)
        return open_alias(alias, opened);
    error = host_path_open(directory->number, lookup, path, strlen(path), oflags, base, inheriting, flags, &host);
    if (error == __WASI_ERRNO_SUCCESS)
        return adopt(host, follow(directory, path).place, opened);
    if (oflags & __WASI_OFLAGS_CREAT)
        error = __refusal_to_make(error, directory->number, path);
    else if (base & __WASI_RIGHTS_FD_WRITE)
        error = __refusal_to_change(error, directory->number, path);
    return error == __WASI_ERRNO_EXIST && !(oflags & __WASI_OFLAGS_EXCL) ? __WASI_ERRNO_ROFS : error;
}

__wasi_errno_t __wasi_path_filestat_get(
    __wasi_fd_t fd, __wasi_lookupflags_t lookup, const char *path, __wasi_filestat_t *result)
{
    struct description *directory;
    int device, alias;
    __wasi_errno_t error = begin(fd, path, &directory, &device, &alias);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    if (alias >= 0)
        return __wasi_fd_filestat_get(alias, result);
    if (device < 0)
        return host_path_filestat_get(directory->number, lookup, path, strlen(path), result);
    *result = (__wasi_filestat_t){
        .ino = (__wasi_inode_t)device + 1, .filetype = __WASI_FILETYPE_CHARACTER_DEVICE, .nlink = 1};
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __wasi_path_readlink(
    __wasi_fd_t fd, const char *path, uint8_t *buffer, __wasi_size_t size, __wasi_size_t *used)
{
    struct description *directory;
    int device, alias;
    __wasi_errno_t error = begin(fd, path, &directory, &device, &alias);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    if (device >= 0 || alias >= 0)
        return __WASI_ERRNO_INVAL;
    return host_path_readlink(directory->number, path, strlen(path), buffer, size, used);
}

__wasi_errno_t __wasi_path_filestat_set_times(
    __wasi_fd_t fd, __wasi_lookupflags_t lookup, const char *path, __wasi_timestamp_t atim, __wasi_timestamp_t mtim,
    __wasi_fstflags_t flags)
{
    struct description *directory;
    int device, alias;
    __wasi_errno_t error = begin(fd, path, &directory, &device, &alias);
    if (error != __WASI_ERRNO_SUCCESS || device >= 0 || alias >= 0)
        return error;
    error = host_path_filestat_set_times(directory->number, lookup, path, strlen(path), atim, mtim, flags);
    return __refusal_to_change(error, directory->number, path);
}

__wasi_errno_t __wasi_path_create_directory(__wasi_fd_t fd, const char *path)
{
    int host;
    __wasi_errno_t error = host_directory(fd, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    return __refusal_to_make(host_path_create_directory(host, path, strlen(path)), host, path);
}

__wasi_errno_t __wasi_path_remove_directory(__wasi_fd_t fd, const char *path)
{
    int host;
    __wasi_errno_t error = host_directory(fd, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    struct attributes *old = __attributes_at(host, path);
    error = host_path_remove_directory(host, path, strlen(path));
    if (error == __WASI_ERRNO_SUCCESS)
        __attributes_forget(old);
    return __refusal_to_change(error, host, path);
}

__wasi_errno_t __wasi_path_unlink_file(__wasi_fd_t fd, const char *path)
{
    int host;
    __wasi_errno_t error = host_directory(fd, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    struct attributes *old = __attributes_at(host, path);
    error = host_path_unlink_file(host, path, strlen(path));
    if (error == __WASI_ERRNO_SUCCESS)
        __attributes_forget(old);
    return __refusal_to_change(error, host, path);
}

__wasi_errno_t __wasi_path_link(
    __wasi_fd_t old_fd, __wasi_lookupflags_t flags, const char *old, __wasi_fd_t new_fd, const char *new)
{
    int from, to;
    __wasi_errno_t error = host_directory(old_fd, &from);
    if (error == __WASI_ERRNO_SUCCESS)
        error = host_directory(new_fd, &to);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    error = host_path_link(from, flags, old, strlen(old), to, new, strlen(new));
    return __refusal_to_make(__refusal_to_change(error, from, old), to, new);
}

__wasi_errno_t __wasi_path_rename(__wasi_fd_t fd, const char *old, __wasi_fd_t new_fd, const char *new)
{
    int from, to;
    __wasi_errno_t error = host_directory(fd, &from);
    if (error == __WASI_ERRNO_SUCCESS)
        error = host_directory(new_fd, &to);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    struct attributes *replaced = __attributes_at(to, new), *moved = __attributes_at(from, old);
    error = host_path_rename(from, old, strlen(old), to, new, strlen(new));
    if (error == __WASI_ERRNO_SUCCESS && replaced != moved)
        __attributes_forget(replaced);
    return __refusal_to_change(error, from, old);
}

__wasi_errno_t __wasi_path_symlink(const char *target, __wasi_fd_t fd, const char *path)
{
    int host;
    __wasi_errno_t error = host_directory(fd, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    error = host_path_symlink(target, strlen(target), host, path, strlen(path));
    /* No host makes a link with an absolute target: it would lead out of the directory. */
    return target[0] == '/' ? error : __refusal_to_make(error, host, path);
}
