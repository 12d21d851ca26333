/* dlopen and its kin for a static WASI program: each asks the host's dynamic linker.
 *
 * The host functions (import module "pywasm") take a pointer and a length, so that
 * the host never searches guest memory for a terminating NUL. A handle is a small
 * positive number that only the host understands; 0 is failure.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOST(name) __attribute__((import_module("pywasm"), import_name(#name)))

HOST(dlopen) extern int host_dlopen(const char *path, size_t length, int flags);
HOST(dlsym) extern void *host_dlsym(int handle, const char *name, size_t length);
HOST(dlclose) extern int host_dlclose(int handle);
HOST(dlerror) extern size_t host_dlerror(char *buffer, size_t capacity);

/* An ImportError carries the whole message: room for some hundred missing symbols. */
#define MESSAGE_CAPACITY 65536

void *dlopen(const char *path, int flags)
{
    char folder[PATH_MAX], absolute[2 * PATH_MAX];
    /* The working directory is wasi-libc's own, so only the guest can make a path absolute. A bare name is searched. */
    if (path != NULL && path[0] != '/' && strchr(path, '/') != NULL && strlen(path) < PATH_MAX
        && getcwd(folder, sizeof folder) != NULL) {
        snprintf(absolute, sizeof absolute, "%s/%s", folder, path);
        path = absolute;
    }
    return (void *)host_dlopen(path, path ? strlen(path) : 0, flags);
}

void *dlsym(void *restrict handle, const char *restrict name)
{
    return host_dlsym((int)handle, name, strlen(name));
}

int dlclose(void *handle)
{
    return host_dlclose((int)handle);
}

char *dlerror(void)
{
    static char message[MESSAGE_CAPACITY];
    size_t length = host_dlerror(message, sizeof message - 1);
    if (length == 0)
        return NULL;
    if (length > sizeof message - 1)
        length = sizeof message - 1;
    message[length] = '\0';
    return message;
}
