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

static void look_at_pipe(struct wait *wait, const __wasi_subscription_t *from, const struct description *it)
{
    bool hangup;
    size_t bytes;
    if (from->u.tag == __WASI_EVENTTYPE_FD_READ)
        bytes = __pipe_readable(it->in, &hangup);
    else
        bytes = __pipe_writable(it->out, &hangup);
    if (bytes > 0 || hangup)
        happened(wait, from, __WASI_ERRNO_SUCCESS, bytes, hangup);
}

static void sort(struct wait *wait, const __wasi_subscription_t *from)
{
    struct description *it = NULL;
    if (from->u.tag != __WASI_EVENTTYPE_CLOCK) {
        it = __descriptor_find(from->u.u.fd_read.file_descriptor);
        if (it == NULL || it->kind == KIND_DEVICE) {
            /* A device never makes anyone wait. */
            happened(wait, from, it ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_BADF, 1, false);
            return;
        }
        if (it->kind != KIND_HOST) {
            look_at_pipe(wait, from, it);
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
