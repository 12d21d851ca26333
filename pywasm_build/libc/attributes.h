/* Permissions and owners of files, as far as the program has set them: see attributes.c. */
#ifndef PYWASM_ATTRIBUTES_H
#define PYWASM_ATTRIBUTES_H

#include <stdint.h>
#include <sys/stat.h>
#include <wasi/api.h>

struct attributes {
    uint64_t device, inode;
    mode_t permissions;
    uid_t user;
    gid_t group;
};

/* What was set for a file; NULL if nothing was. */
struct attributes *__attributes_find(uint64_t device, uint64_t inode);
/* The same by the path from a directory of the host's; no host call is made when nothing was set for any file. */
struct attributes *__attributes_at(int host, const char *path);
/* Keep what was set; -1 and errno without memory. */
int __attributes_keep(const struct attributes *wanted);
/* Drop what was set for a file that is removed, unless it has another name; NULL is ignored. */
void __attributes_forget(struct attributes *old);

/* Make of WASI's answer what stat gives. */
void __fill_stat(const __wasi_filestat_t *from, struct stat *to);

#endif
