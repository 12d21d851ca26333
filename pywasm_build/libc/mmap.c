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
/* What is written if anything in it has changed. */
#define CHUNK 4096

struct map {
    struct map *next;
    char *start;
    size_t length; /* whole pages */
    off_t offset;
    int fd; /* a duplicate of the program's, of a shared map that can be written; else -1 */
    /* With such a file: a sum for each chunk as the file has it. What a program only read is not written back over
     * what it wrote to the file meanwhile. */
    uint64_t *sums;
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

static uint64_t sum_of(const char *chunk)
{
    uint64_t sum = 0, word;
    for (size_t i = 0; i < CHUNK; i += sizeof word) {
        memcpy(&word, chunk + i, sizeof word);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15;
        sum ^= sum >> 32;
    }
    return sum;
}

static void note_sums(struct map *map, size_t first, size_t end)
{
    for (size_t at = first; at < end; at += CHUNK)
        map->sums[at / CHUNK] = sum_of(map->start + at);
}

/* Give the end of the chunks that have changed, from `at` on. */
static size_t changed_until(const struct map *map, size_t at)
{
    while (at < map->length && map->sums[at / CHUNK] != sum_of(map->start + at))
        at += CHUNK;
    return at;
}

static bool write_part(const struct map *map, size_t at, size_t end)
{
    while (at < end) {
        ssize_t done = pwrite(map->fd, map->start + at, end - at, map->offset + (off_t)at);
        if (done <= 0)
            return false;
        at += (size_t)done;
    }
    return true;
}

/* Write what has changed and lies within the file as it is now: a map never makes it longer. */
static bool write_changes(struct map *map)
{
    struct stat status;
    if (fstat(map->fd, &status) < 0)
        return false;
    off_t inside = status.st_size - map->offset;
    size_t end;
    for (size_t at = 0; at < map->length && (off_t)at < inside; at = end) {
        end = changed_until(map, at);
        if (end > at) {
            if (!write_part(map, at, (off_t)end < inside ? end : (size_t)inside))
                return false;
            note_sums(map, at, end);
        } else {
            end += CHUNK;
        }
    }
    return true;
}

static int write_file(struct map *map)
{
    if (map->fd < 0)
        return 0;
    /* Where all is appended, pwrite appends too. */
    int flags = fcntl(map->fd, F_GETFL);
    if (flags & O_APPEND && fcntl(map->fd, F_SETFL, flags & ~O_APPEND) < 0)
        return -1;
    bool written = write_changes(map);
    if (flags & O_APPEND)
        (void)fcntl(map->fd, F_SETFL, flags);
    return written ? 0 : -1;
}

/* Called when the program ends, in whatever way. */
void __mmap_write_back(void)
{
    for (struct map *map = maps; map != NULL; map = map->next)
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

static void release(struct map *map)
{
    if (map->fd >= 0)
        close(map->fd);
    free(map->sums);
    free(map->start);
    free(map);
}

static void *discard(struct map *map, int error)
{
    release(map);
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
    map->sums = malloc(map->length / CHUNK * sizeof *map->sums);
    if (map->sums == NULL)
        return false;
    note_sums(map, 0, map->length);
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
        if (!read_file(fd, map->start, map->length, offset))
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
    release(map);
    return 0;
}

int msync(void *start, size_t length, int flags)
{
    (void)flags; /* It is done at once, whether asked for so or not. */
    const char *first = start;
    for (struct map *map = maps; map != NULL; map = map->next)
        if (first >= map->start && first < map->start + map->length) {
            if (length <= (size_t)(map->start + map->length - first))
                return write_file(map);
            break;
        }
    errno = ENOMEM;
    return -1;
}
