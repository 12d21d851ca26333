/* Names of hosts and services: nothing is found, and no trying again helps. */
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>

static int error_of_host;

int *__h_errno_location(void)
{
    return &error_of_host;
}

int getaddrinfo(
    const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
    struct addrinfo **restrict found)
{
    (void)hints, (void)found;
    return host == NULL && service == NULL ? EAI_NONAME : EAI_FAIL;
}

/* Nobody but the caller can have made such a list. */
void freeaddrinfo(struct addrinfo *list)
{
    (void)list;
}

int getnameinfo(
    const struct sockaddr *restrict address, socklen_t size, char *restrict host, socklen_t host_size,
    char *restrict service, socklen_t service_size, int flags)
{
    (void)address, (void)size, (void)host, (void)host_size, (void)service, (void)service_size, (void)flags;
    return EAI_FAIL;
}

const char *gai_strerror(int code)
{
    static const char *const texts[] = {
        [-EAI_BADFLAGS] = "Flags are not valid",
        [-EAI_NONAME] = "Name or service is not known",
        [-EAI_AGAIN] = "Name could not be looked up now",
        [-EAI_FAIL] = "Names cannot be looked up",
        [-EAI_NODATA] = "Name has no address",
        [-EAI_FAMILY] = "Address family is not supported",
        [-EAI_SOCKTYPE] = "Socket type is not supported",
        [-EAI_SERVICE] = "Service is not known for this socket type",
        [-EAI_MEMORY] = "Out of memory",
        [-EAI_SYSTEM] = "Error of the system",
        [-EAI_OVERFLOW] = "Result is too large for its buffer",
    };
    const char *text = code < 0 && code >= EAI_OVERFLOW ? texts[-code] : NULL;
    return text == NULL ? "Unknown error" : text;
}

const char *hstrerror(int code)
{
    static const char *const texts[] = {
        [HOST_NOT_FOUND] = "Host is not known",
        [TRY_AGAIN] = "Host could not be looked up now",
        [NO_RECOVERY] = "Hosts cannot be looked up",
        [NO_DATA] = "Host has no address",
    };
    return code >= HOST_NOT_FOUND && code <= NO_DATA ? texts[code] : "Unknown error";
}

struct hostent *gethostbyname(const char *name)
{
    (void)name;
    h_errno = NO_RECOVERY;
    return NULL;
}

struct hostent *gethostbyaddr(const void *address, socklen_t size, int family)
{
    (void)address, (void)size, (void)family;
    h_errno = NO_RECOVERY;
    return NULL;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
    (void)name, (void)protocol;
    return NULL;
}

struct servent *getservbyport(int port, const char *protocol)
{
    (void)port, (void)protocol;
    return NULL;
}

struct protoent *getprotobyname(const char *name)
{
    (void)name;
    return NULL;
}

struct protoent *getprotobynumber(int number)
{
    (void)number;
    return NULL;
}
