#ifndef _PYWASM_UNISTD_H
#define _PYWASM_UNISTD_H

#ifdef __cplusplus
extern "C" {
#endif

/* Answers more than the function of this name in the C library, and calls it. */
long sysconf(int) __asm__("__sysconf");
int getdtablesize(void);

#ifdef __cplusplus
}
#endif

#endif
