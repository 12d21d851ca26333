#ifndef _PYWASM_ARPA_INET_H
#define _PYWASM_ARPA_INET_H

#ifdef _WASI_EMULATED_POSIX

#ifdef __cplusplus
extern "C" {
#endif

in_addr_t inet_addr(const char *);
char *inet_ntoa(struct in_addr);

#ifdef __cplusplus
}
#endif

#endif

#endif
