#ifndef _PYWASM_SYS_STAT_H
#define _PYWASM_SYS_STAT_H

#ifdef __cplusplus
extern "C" {
#endif

/* The C library has functions of these names that always fail, in a member that programs need for others. */
int chmod(const char *, mode_t) __asm__("__chmod");
int fchmod(int, mode_t) __asm__("__fchmod");
int fchmodat(int, const char *, mode_t, int) __asm__("__fchmodat");

#ifdef __cplusplus
}
#endif

#endif
