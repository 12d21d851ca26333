/* Permissions and owners are kept in attributes.c.
 *
 * chmod, fchmod and fchmodat of the C library's large member posix.o always fail; the header gives these their
 * names for the linker.
 */
#include <fcntl.h>
#include <unistd.h>

#include "attributes.h"

#define PERMISSIONS 07777

static int keep_permissions(const struct stat *status, mode_t mode)
{
    struct attributes wanted = {status->st_dev, status->st_ino, mode & PERMISSIONS, status->st_uid, status->st_gid};
    return __attributes_keep(&wanted);
}

static int keep_owner(const struct stat *status, uid_t user, gid_t group)
{
    struct attributes wanted = {
        status->st_dev, status->st_ino, status->st_mode & PERMISSIONS,
        user == (uid_t)-1 ? status->st_uid : user, group == (gid_t)-1 ? status->st_gid : group};
    return __attributes_keep(&wanted);
}

int chmod(const char *path, mode_t mode)
{
    struct stat status;
    return stat(path, &status) == 0 ? keep_permissions(&status, mode) : -1;
}

int fchmod(int fd, mode_t mode)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? keep_permissions(&status, mode) : -1;
}

int fchmodat(int fd, const char *path, mode_t mode, int flags)
{
    struct stat status;
    return fstatat(fd, path, &status, flags) == 0 ? keep_permissions(&status, mode) : -1;
}

int lchmod(const char *path, mode_t mode)
{
    struct stat status;
    return lstat(path, &status) == 0 ? keep_permissions(&status, mode) : -1;
}

int chown(const char *path, uid_t user, gid_t group)
{
    struct stat status;
    return stat(path, &status) == 0 ? keep_owner(&status, user, group) : -1;
}

int fchown(int fd, uid_t user, gid_t group)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? keep_owner(&status, user, group) : -1;
}

int lchown(const char *path, uid_t user, gid_t group)
{
    struct stat status;
    return lstat(path, &status) == 0 ? keep_owner(&status, user, group) : -1;
}

int fchownat(int fd, const char *path, uid_t user, gid_t group, int flags)
{
    struct stat status;
    return fstatat(fd, path, &status, flags) == 0 ? keep_owner(&status, user, group) : -1;
}
