/* Waiting: for the host's descriptors and clocks on the host, for pipes and devices by looking at them.
 *
 * There is one thread, so nothing that is here changes while the program waits. What is ready is known at once;
 * what is not will not become so before the host's part has happened.
 */
#include <errno.h>
#include <stdlib.h>

#include "descriptors.h"
#include "host.h"

/* What was asked for, sorted: the host's part, and the events that have happened already. */
struct wait {
    __wasi_subscription_t *hosts;
    __wasi_size_t host_count;
    __wasi_event_t *events;
    __wasi_size_t event_count;
};

static void happened(struct wait *wait, const __wasi_subscription_t *from, __wasi_errno_t error, size_t bytes, bool hangup)
{
    wait->events[wait->event_count++] = (__wasi_event_t){
        .userdata = from->userdata,
        .error = error,
        .type = from->u.tag,
        .fd_readwrite = {bytes, hangup ? __WASI_EVENTRWFLAGS_FD_READWRITE_HANGUP : 0}};
}

static void look_for_reading(struct wait *wait, const __wasi_subscription_t *from, const struct description *it)
{
    bool hangup;
    size_t bytes = 0;
    if (it->readable)
        bytes = __pipe_readable(it->in, &hangup);
    else /* who waits to read where one can only write wants to know when the reader goes */
        (void)__pipe_writable(it->out, &hangup);
    if (bytes > 0 || hangup)
        happened(wait, from, __WASI_ERRNO_SUCCESS, bytes, hangup);
}

/* Without a reader a write does not wait either: it fails. The flag would make select() leave that out. */
static void look_for_writing(struct wait *wait, const __wasi_subscription_t *from, const struct description *it)
{
    bool hangup;
    size_t bytes = __pipe_writable(it->out, &hangup);
    if (it->writable && (bytes >= PIPE_ATOMIC || hangup))
        happened(wait, from, __WASI_ERRNO_SUCCESS, bytes, false);
}

/* Devices and files make nobody wait; with a timeout of 0 wasmtime would say that a file is not ready. */
static bool never_waits(const struct description *it)
{
    __wasi_fdstat_t status;
    return it->kind == KIND_DEVICE ||
           (it->kind == KIND_HOST && host_fd_fdstat_get(it->number, &status) == __WASI_ERRNO_SUCCESS &&
            status.fs_filetype == __WASI_FILETYPE_REGULAR_FILE);
}

static void sort(struct wait *wait, const __wasi_subscription_t *from)
{
    struct description *it = NULL;
    if (from->u.tag != __WASI_EVENTTYPE_CLOCK) {
        it = __descriptor_find(from->u.u.fd_read.file_descriptor);
        if (it == NULL || never_waits(it)) {
            happened(wait, from, it ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_BADF, 1, false);
            return;
        }
        if (it->kind != KIND_HOST) {
            (from->u.tag == __WASI_EVENTTYPE_FD_READ ? look_for_reading : look_for_writing)(wait, from, it);
            return;
        }
    }
    __wasi_subscription_t *host = &wait->hosts[wait->host_count++];
    *host = *from;
    if (it != NULL)
        host->u.u.fd_read.file_descriptor = it->number;
}

/* Ask the host; if something has happened here already, without waiting. */
static __wasi_errno_t ask_host(struct wait *wait)
{
    __wasi_size_t count = wait->host_count, more = 0;
    if (wait->event_count > 0) {
        __wasi_subscription_t at_once = {.u = {.tag = __WASI_EVENTTYPE_CLOCK}};
        at_once.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
        wait->hosts[count++] = at_once;
    }
    __wasi_event_t *events = wait->events + wait->event_count;
    __wasi_errno_t error = host_poll_oneoff(wait->hosts, events, count, &more);
    for (__wasi_size_t i = 0; error == __WASI_ERRNO_SUCCESS && i < more; i++)
        if (wait->host_count == count || events[i].type != __WASI_EVENTTYPE_CLOCK)
            wait->events[wait->event_count++] = events[i];
    return error;
}

static __wasi_errno_t wait_for(struct wait *wait, const __wasi_subscription_t *subscriptions, __wasi_size_t count)
{
    for (__wasi_size_t i = 0; i < count; i++)
        sort(wait, &subscriptions[i]);
    if (wait->host_count > 0)
        return ask_host(wait);
    /* Nothing but pipes that are not ready: that would be forever. */
    return wait->event_count > 0 ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_DEADLK;
}

__wasi_errno_t __wasi_poll_oneoff(
    const __wasi_subscription_t *subscriptions, __wasi_event_t *events, __wasi_size_t count, __wasi_size_t *number)
{
    if (count == 0)
        return __WASI_ERRNO_INVAL;
    /* One more than was asked for: the clock with which the host does not wait. */
    struct wait wait = {
        .hosts = malloc((count + 1) * sizeof *wait.hosts), .events = malloc((count + 1) * sizeof *wait.events)};
    __wasi_errno_t error = __WASI_ERRNO_NOMEM;
    if (wait.hosts != NULL && wait.events != NULL)
        error = wait_for(&wait, subscriptions, count);
    if (error == __WASI_ERRNO_SUCCESS) {
        for (__wasi_size_t i = 0; i < wait.event_count; i++)
            events[i] = wait.events[i];
        *number = wait.event_count;
    }
    free(wait.hosts);
    free(wait.events);
    return error;
}
