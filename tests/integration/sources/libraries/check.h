/* What the programs that try a library share: each does its work in main and says what was wrong. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

/* End the program where something is not as it must be. */
#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                             \
        }                                                                        \
    } while (0)

/* Fill memory with what compresses neither very well nor not at all. */
static inline void fill(unsigned char *data, size_t size) {
    unsigned state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1103515245u + 12345u;
        data[i] = (unsigned char)(i % 64 < 48 ? i / 64 : state >> 24);
    }
}

#endif
