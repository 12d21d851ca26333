/* Permissions and owners of files.
 *
 * WASI has neither, and the program is its machine's only user, root, whom they do not bind. So chmod and chown
 * take effect where a program can see it, in what stat says, until the program ends. The host's files stay as
 * they are.
 */
#include "attributes.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static void *tree;

static int compare(const void *left, const void *right)
{
    const struct attributes *a = left, *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

struct attributes *__attributes_find(uint64_t device, uint64_t inode)
{
    if (tree == NULL)
        return NULL;
    struct attributes wanted = {.device = device, .inode = inode};
    void *node = tfind(&wanted, &tree, compare);
    return node ? *(struct attributes **)node : NULL;
}

struct attributes *__attributes_at(int host, const char *path)
{
    __wasi_filestat_t status;
    if (tree == NULL || host_path_filestat_get(host, 0, path, strlen(path), &status) != __WASI_ERRNO_SUCCESS)
        return NULL;
    /* Another name of the file stays. */
    if (status.filetype != __WASI_FILETYPE_DIRECTORY && status.nlink > 1)
        return NULL;
    return __attributes_find(status.dev, status.ino);
}

int __attributes_keep(const struct attributes *wanted)
{
    struct attributes *kept = __attributes_find(wanted->device, wanted->inode);
    if (kept == NULL) {
        kept = malloc(sizeof *kept);
        if (kept == NULL)
            return -1;
        *kept = *wanted;
        if (tsearch(kept, &tree, compare) == NULL) {
            free(kept);
            return -1;
        }
    }
    *kept = *wanted;
    return 0;
}

void __attributes_forget(struct attributes *old)
{
    if (old == NULL)
        return;
    tdelete(old, &tree, compare);
    free(old);
}
