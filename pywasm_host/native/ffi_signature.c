/* Signatures: each text once, with what the host generated for it. */
#include "ffi_backend.h"

#include <stdlib.h>
#include <string.h>

HOST(ffi_caller) extern ffi_caller *host_ffi_caller(const char *signature, unsigned length);
HOST(ffi_problem) extern unsigned host_ffi_problem(char *buffer, unsigned capacity);

#define BUCKETS 256 /* a power of two */

static struct ffi_signature *signatures[BUCKETS];

static unsigned hash_of(const char *text, unsigned length)
{
    unsigned hash = 2166136261u;
    for (unsigned i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash ^ hash >> 16;
}

static struct ffi_signature *new_signature(const char *text, unsigned length, unsigned hash)
{
    struct ffi_signature *signature = calloc(1, sizeof *signature + length + 1);
    if (signature == NULL)
        return NULL;
    signature->hash = hash;
    signature->length = length;
    memcpy(signature->text, text, length);
    signature->parameters = strchr(signature->text, '>') - signature->text;
    signature->next = signatures[hash % BUCKETS];
    return signatures[hash % BUCKETS] = signature;
}

/* Give the signature with this text; NULL if there is no memory. */
struct ffi_signature *ffi_signature_of(const char *text, unsigned length)
{
    unsigned hash = hash_of(text, length);
    for (struct ffi_signature *one = signatures[hash % BUCKETS]; one != NULL; one = one->next)
        if (one->hash == hash && one->length == length && memcmp(one->text, text, length) == 0)
            return one;
    return new_signature(text, length, hash);
}

/* Give the signature's caller; NULL if the host cannot make it, ffi_host_problem() says why. */
ffi_caller *ffi_caller_of(struct ffi_signature *signature)
{
    if (signature->caller == NULL)
        signature->caller = host_ffi_caller(signature->text, signature->length);
    return signature->caller;
}

/* Give the host's words for what it could not do. */
const char *ffi_host_problem(void)
{
    static char text[512];
    unsigned length = host_ffi_problem(text, sizeof text - 1);
    text[length < sizeof text ? length : sizeof text - 1] = '\0';
    return text;
}
