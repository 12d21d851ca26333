#ifndef _PYWASM_FCNTL_H
#define _PYWASM_FCNTL_H

#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030

#define F_GETLK 12
#define F_SETLK 13
#define F_SETLKW 14

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

#endif
