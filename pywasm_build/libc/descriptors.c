/* The table of descriptors: see descriptors.h. It begins with the standard streams and grows when needed. */
#include "descriptors.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"

struct entry {
    struct description *description;
    bool close_on_exec;
};

#define STREAM(host) {.kind = KIND_HOST, .references = 1, .number = (host)}
static struct description streams[] = {STREAM(0), STREAM(1), STREAM(2)};

#define FIRST_CAPACITY 16
static struct entry first_table[FIRST_CAPACITY] = {{&streams[0], false}, {&streams[1], false}, {&streams[2], false}};
static struct entry *table = first_table;
static int capacity = FIRST_CAPACITY;
/* Below this no number is free: searching from 0 each time takes seconds for 65536 descriptors. */
static int all_taken_below;

static struct entry *find_entry(int fd)
{
    if (fd < 0 || fd >= capacity || table[fd].description == NULL)
        return NULL;
    return &table[fd];
}

struct description *__descriptor_find(int fd)
{
    if (fd >= PREOPENS_FIRST)
        return __preopen_find(fd);
    struct entry *entry = find_entry(fd);
    return entry ? entry->description : NULL;
}

bool *__descriptor_close_on_exec(int fd)
{
    struct entry *entry = find_entry(fd);
    return entry ? &entry->close_on_exec : NULL;
}

__wasi_errno_t __descriptor_host(int fd, __wasi_errno_t otherwise, int *host)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return __WASI_ERRNO_BADF;
    if (it->kind != KIND_HOST)
        return otherwise;
    *host = it->number;
    return __WASI_ERRNO_SUCCESS;
}

struct description *__description_new(enum kind kind, int number)
{
    struct description *it = calloc(1, sizeof *it);
    if (it != NULL) {
        it->kind = kind;
        it->number = number;
    }
    return it;
}

static bool is_stream(const struct description *it)
{
    return it >= streams && it < streams + sizeof streams / sizeof *streams;
}

/* Release a description that no number stands for. */
static __wasi_errno_t destroy(struct description *it)
{
    __wasi_errno_t error = it->kind == KIND_HOST ? host_fd_close(it->number) : __WASI_ERRNO_SUCCESS;
    __pipe_end_reading(it);
    __pipe_end_writing(it);
    if (!is_stream(it))
        free(it);
    return error;
}

static bool grow(int wanted)
{
    int larger = capacity;
    while (larger <= wanted)
        larger *= 2;
    struct entry *fresh = calloc((size_t)larger, sizeof *fresh);
    if (fresh == NULL)
        return false;
    memcpy(fresh, table, (size_t)capacity * sizeof *table);
    if (table != first_table)
        free(table);
    table = fresh;
    capacity = larger;
    return true;
}

static __wasi_errno_t make_room(int fd)
{
    if (fd >= DESCRIPTORS_MAX)
        return __WASI_ERRNO_MFILE;
    return fd < capacity || grow(fd) ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_NOMEM;
}

static void put(struct description *it, int fd, bool close_on_exec)
{
    it->references++;
    table[fd] = (struct entry){it, close_on_exec};
}

__wasi_errno_t __descriptor_add(struct description *it, int lowest, bool close_on_exec, int *fd)
{
    int free_number = lowest > all_taken_below ? lowest : all_taken_below;
    while (find_entry(free_number))
        free_number++;
    __wasi_errno_t error = make_room(free_number);
    if (error != __WASI_ERRNO_SUCCESS) {
        if (it->references == 0)
            (void)destroy(it);
        return error;
    }
    put(it, free_number, close_on_exec);
    if (lowest <= all_taken_below)
        all_taken_below = free_number + 1;
    *fd = free_number;
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __descriptor_set(struct description *it, int fd, bool close_on_exec)
{
    if (fd < 0 || fd >= DESCRIPTORS_MAX)
        return __WASI_ERRNO_BADF;
    __wasi_errno_t error = make_room(fd);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    /* First, so that a description which stays is never without a number. */
    struct description *before = table[fd].description;
    put(it, fd, close_on_exec);
    if (before != NULL && --before->references == 0)
        (void)destroy(before); /* like dup2 elsewhere, which cannot report it either */
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __descriptor_close(int fd)
{
    struct entry *entry = find_entry(fd);
    if (entry == NULL)
        return __WASI_ERRNO_BADF;
    struct description *it = entry->description;
    entry->description = NULL;
    if (fd < all_taken_below)
        all_taken_below = fd;
    return --it->references == 0 ? destroy(it) : __WASI_ERRNO_SUCCESS;
}
