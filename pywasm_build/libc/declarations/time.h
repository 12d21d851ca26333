#ifndef _PYWASM_TIME_H
#define _PYWASM_TIME_H

#ifdef _WASI_EMULATED_POSIX

#ifdef __cplusplus
extern "C" {
#endif

extern char *tzname[2];
extern long timezone;
extern int daylight;

void tzset(void);

#ifdef __cplusplus
}
#endif

#endif

#endif
