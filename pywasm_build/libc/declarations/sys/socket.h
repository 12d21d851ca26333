#ifndef _PYWASM_SYS_SOCKET_H
#define _PYWASM_SYS_SOCKET_H

#ifdef __cplusplus
extern "C" {
#endif

int getsockname(int, struct sockaddr *__restrict, socklen_t *__restrict);
int getpeername(int, struct sockaddr *__restrict, socklen_t *__restrict);

#ifdef __cplusplus
}
#endif

#endif
