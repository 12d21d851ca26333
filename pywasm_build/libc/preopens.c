/* The directories that the host opened for the program, and which of them an absolute path lies in.
 *
 * Their numbers are far above the program's: the first file that it opens is 3, and closing every number from 3
 * on, as daemons do, closes no directory. The member that this one replaces takes the numbers that the host gives.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/libc-find-relpath.h>
#include <wasi/libc.h>

#include "descriptors.h"
#include "host.h"

#define FIRST_HOST_NUMBER 3

struct preopen {
    struct description description;
    char *prefix; /* without the slashes around it; "" is the root */
};

static struct preopen *preopens;
static int count;
static bool populated;

struct description *__preopen_find(int fd)
{
    int index = fd - PREOPENS_FIRST;
    return index < count ? &preopens[index].description : NULL;
}

/* Make a prefix out of a directory's name: "/a/b/" and "./a/b" become "a/b", "." becomes "". */
static char *prefix_of(const char *name)
{
    while (name[0] == '/' || (name[0] == '.' && (name[1] == '/' || name[1] == '\0')))
        name++;
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] == '/')
        length--;
    return strndup(name, length);
}

static enum place place_of(const char *prefix)
{
    if (*prefix == '\0')
        return PLACE_ROOT;
    return strcmp(prefix, "dev") == 0 ? PLACE_DEVICES : PLACE_ELSEWHERE;
}

static bool add(int host, const char *name)
{
    char *prefix = prefix_of(name);
    struct preopen *larger = realloc(preopens, (size_t)(count + 1) * sizeof *larger);
    if (larger != NULL)
        preopens = larger;
    if (prefix == NULL || larger == NULL) {
        free(prefix);
        return false;
    }
    struct description description = {
        .kind = KIND_HOST, .place = place_of(prefix), .references = 1, .number = host};
    preopens[count++] = (struct preopen){description, prefix};
    return true;
}

/* Ask the host for its directory `host`; false if there is none. */
static bool add_from_host(int host)
{
    __wasi_prestat_t preopen;
    if (host_fd_prestat_get(host, &preopen) != __WASI_ERRNO_SUCCESS)
        return false;
    size_t length = preopen.u.dir.pr_name_len;
    char *name = malloc(length + 1);
    if (name == NULL)
        return false;
    name[length] = '\0';
    bool added = host_fd_prestat_dir_name(host, (uint8_t *)name, length) == __WASI_ERRNO_SUCCESS && add(host, name);
    free(name);
    return added;
}

static void populate(void)
{
    if (populated)
        return;
    populated = true;
    int host = FIRST_HOST_NUMBER;
    while (add_from_host(host))
        host++;
}

/* close() asks for this, so that no number is closed that is a directory of the host's; ours are safe from it. */
void __wasilibc_populate_preopens(void)
{
}

void __wasilibc_reset_preopens(void)
{
    for (int i = 0; i < count; i++)
        free(preopens[i].prefix);
    free(preopens);
    preopens = NULL;
    count = 0;
    populated = false;
}

int __wasilibc_register_preopened_fd(int fd, const char *prefix)
{
    int host;
    populate();
    if (__descriptor_host(fd, __WASI_ERRNO_BADF, &host) == __WASI_ERRNO_SUCCESS && add(host, prefix))
        return 0;
    errno = ENOMEM;
    return -1;
}

static bool lies_in(const char *path, const char *prefix, size_t length)
{
    return length == 0 || (strncmp(path, prefix, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

/* Tell whether a path goes above where it begins. */
static bool climbs_out(const char *path)
{
    int depth = 0;
    while (*(path += strspn(path, "/")) != '\0') {
        size_t length = strcspn(path, "/");
        if (length == 2 && path[0] == '.' && path[1] == '.')
            depth--;
        else if (length != 1 || path[0] != '.')
            depth++;
        if (depth < 0)
            return true;
        path += length;
    }
    return false;
}

/* Take "." and ".." out of an absolute path as it is written; what is too long stays as it is. */
static const char *simplified(const char *path)
{
    /* rename and link look up two paths before they use the first. */
    static char buffers[2][PATH_MAX];
    static int turn;
    char *buffer = buffers[turn = !turn];
    size_t used = 0;
    if (strlen(path) >= PATH_MAX)
        return path;
    while (*(path += strspn(path, "/")) != '\0') {
        size_t length = strcspn(path, "/");
        if (length == 2 && path[0] == '.' && path[1] == '.') {
            while (used > 0 && buffer[--used] != '/')
                ;
        } else if (length != 1 || path[0] != '.') {
            if (used > 0)
                buffer[used++] = '/';
            memcpy(buffer + used, path, length);
            used += length;
        }
        path += length;
    }
    buffer[used] = '\0';
    return buffer;
}

/* Tell whether a path has names only: with "", "." or ".." in it, it may lie elsewhere than it looks. */
static bool is_plain(const char *path)
{
    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        if (length <= 2 && strspn(path, ".") >= length)
            return false;
        path += length + (path[length] == '/');
    }
    return true;
}

static int directory_of(const char *path, const char **prefix, const char **relative)
{
    size_t longest = 0;
    int best = -1;
    for (int i = 0; i < count; i++) {
        size_t length = strlen(preopens[i].prefix);
        if (length >= longest && lies_in(path, preopens[i].prefix, length)) {
            longest = length;
            best = i;
        }
    }
    if (best < 0) {
        errno = ENOENT;
        return -1;
    }
    path += longest;
    path += strspn(path, "/");
    *prefix = preopens[best].prefix;
    *relative = *path ? path : ".";
    return PREOPENS_FIRST + best;
}

int __wasilibc_find_abspath(
    const char *path, const char **__restrict__ abs_prefix, const char **__restrict__ relative_path)
{
    populate();
    path += strspn(path, "/");
    int found = directory_of(path, abs_prefix, relative_path);
    if (is_plain(path))
        return found;
    const char *prefix, *relative;
    int other = directory_of(simplified(path), &prefix, &relative);
    /* The host lets no path climb out of a directory, and does not know that another one lies in it. */
    if (other < 0 || (other == found && !climbs_out(*relative_path)))
        return found;
    *abs_prefix = prefix;
    *relative_path = relative;
    return other;
}

int __wasilibc_find_relpath(
    const char *path, const char **__restrict__ abs_prefix, char **relative_path, size_t relative_path_len)
{
    /* Present if the program changes its working directory. */
    if (__wasilibc_find_relpath_alloc)
        return __wasilibc_find_relpath_alloc(path, abs_prefix, relative_path, &relative_path_len, 0);
    return __wasilibc_find_abspath(path, abs_prefix, (const char **)relative_path);
}
