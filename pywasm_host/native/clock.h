/* The monotonic clock across a snapshot. */
#ifndef PYWASM_CLOCK_H
#define PYWASM_CLOCK_H

/* Note the time of a snapshot. */
void pywasm_clock_stop(void);

/* In the restored process, go on from that time. */
void pywasm_clock_continue(void);

#endif
