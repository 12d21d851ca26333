/* Memory maps without a memory manager: memory from malloc, into which a file's content is read.
 *
 * A shared map of a file is written back by msync, by munmap and when the program ends. Between two of these a
 * map and the file itself, or two maps of it, do not see each other's changes. Memory cannot be protected:
 * what would only forbid something is accepted, what code would have to rely on (a fixed address, execution) is
 * refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptors.h"

#define PAGE 65536

struct map {
    struct map *next;
    char *start;
    size_t length; /* whole pages */
    off_t offset;
    int fd; /* a duplicate of the program's, of a shared map that can be written; else -1 */
};

static struct map *maps;

static void *fail(int error)
{
    errno = error;
    return MAP_FAILED;
}

static int check(size_t length, int protection, int flags, off_t offset)
{
    int sharing = flags & MAP_TYPE;
    if (length == 0 || offset < 0 || offset % PAGE != 0)
        return EINVAL;
    if (sharing != MAP_PRIVATE && sharing != MAP_SHARED && sharing != MAP_SHARED_VALIDATE)
        return EINVAL;
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return ENOTSUP;
    if (protection & PROT_EXEC)
        return EACCES;
    return length > SIZE_MAX - PAGE ? ENOMEM : 0;
}

/* What POSIX demands of the descriptor of a file's map. */
static int check_file(int fd, int protection, int flags)
{
    struct stat status;
    int access = fcntl(fd, F_GETFL);
    if (access < 0 || fstat(fd, &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return ENODEV;
    bool shared_writable = (flags & MAP_TYPE) != MAP_PRIVATE && (protection & PROT_WRITE);
    return !(access & O_RDONLY) || (shared_writable && !(access & O_WRONLY)) ? EACCES : 0;
}

static bool read_file(int fd, char *to, size_t length, off_t offset)
{
    while (length > 0) {
        ssize_t done = pread(fd, to, length, offset);
        if (done <= 0)
            return done == 0;
        to += done;
        offset += done;
        length -= (size_t)done;
    }
    return true;
}

/* Write what lies within the file as it is now: a map never makes it longer. */
static int write_file(const struct map *map)
{
    struct stat status;
    if (map->fd < 0)
        return 0;
    if (fstat(map->fd, &status) < 0)
        return -1;
    const char *from = map->start;
    off_t offset = map->offset, end = offset + (off_t)map->length;
    if (end > status.st_size)
        end = status.st_size;
    while (offset < end) {
        ssize_t done = pwrite(map->fd, from, (size_t)(end - offset), offset);
        if (done < 0)
            return -1;
        from += done;
        offset += done;
    }
    return 0;
}

/* Called when the program ends, in whatever way. */
void __mmap_write_back(void)
{
    for (const struct map *map = maps; map != NULL; map = map->next)
        (void)write_file(map);
}

static struct map *new_map(size_t length)
{
    struct map *map = calloc(1, sizeof *map);
    void *start = NULL;
    if (map == NULL || posix_memalign(&start, PAGE, length) != 0) {
        free(map);
        return NULL;
    }
    memset(start, 0, length);
    map->start = start;
    map->length = length;
    map->fd = -1;
    return map;
}

static void *discard(struct map *map, int error)
{
    if (map->fd >= 0)
        close(map->fd);
    free(map->start);
    free(map);
    return fail(error);
}

/* Above the numbers that programs use, so that theirs stay the lowest ones. */
static int duplicate_out_of_the_way(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 512);
}

static bool keep_file(struct map *map, int fd)
{
    static bool registered;
    if (!registered && atexit(__mmap_write_back) != 0)
        return false;
    registered = true;
    map->fd = duplicate_out_of_the_way(fd);
    return map->fd >= 0;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    (void)address; /* a wish, without MAP_FIXED */
    int error = check(length, protection, flags, offset);
    if (error == 0 && !(flags & MAP_ANON))
        error = check_file(fd, protection, flags);
    if (error != 0)
        return fail(error);
    struct map *map = new_map((length + PAGE - 1) / PAGE * PAGE);
    if (map == NULL)
        return fail(ENOMEM);
    if (!(flags & MAP_ANON)) {
        map->offset = offset;
        if (!read_file(fd, map->start, length, offset))
            return discard(map, errno);
        if ((flags & MAP_TYPE) != MAP_PRIVATE && (protection & PROT_WRITE) && !keep_file(map, fd))
            return discard(map, errno);
    }
    map->next = maps;
    maps = map;
    return map->start;
}

/* The pointer that leads to the map that begins at the address. */
static struct map **find(const void *start)
{
    struct map **link = &maps;
    while (*link != NULL && (*link)->start != start)
        link = &(*link)->next;
    return link;
}

int munmap(void *start, size_t length)
{
    struct map **link = find(start);
    struct map *map = *link;
    /* Only whole maps: malloc takes back what it gave. */
    if (map == NULL || (length + PAGE - 1) / PAGE * PAGE != map->length) {
        errno = EINVAL;
        return -1;
    }
    /* An error of the file cannot be reported by munmap; msync is for that. */
    (void)write_file(map);
    *link = map->next;
    if (map->fd >= 0)
        close(map->fd);
    free(map->start);
    free(map);
    return 0;
}

int msync(void *start, size_t length, int flags)
{
    (void)flags; /* It is done at once, whether asked for so or not. */
    const char *first = start;
    for (const struct map *map = maps; map != NULL; map = map->next)
        if (first >= map->start && first < map->start + map->length) {
            if (length <= (size_t)(map->start + map->length - first))
                return write_file(map);
            break;
        }
    errno = ENOMEM;
    return -1;
}
