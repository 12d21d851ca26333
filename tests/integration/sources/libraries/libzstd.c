/* link with: libzstd */
#include <string.h>
#include <zdict.h>
#include <zstd.h>
#include "check.h"

enum { SIZE = 300000 };

int main(void) {
    unsigned char *data = malloc(SIZE), *back = malloc(SIZE);
    size_t bound = ZSTD_compressBound(SIZE);
    unsigned char *packed = malloc(bound);
    fill(data, SIZE);
    for (int level = -5; level <= 19; level += 8) {
        size_t size = ZSTD_compress(packed, bound, data, SIZE, level);
        CHECK(!ZSTD_isError(size) && size < SIZE);
        CHECK(ZSTD_getFrameContentSize(packed, size) == SIZE);
        memset(back, 0, SIZE);
        CHECK(ZSTD_decompress(back, SIZE, packed, size) == SIZE);
        CHECK(memcmp(data, back, SIZE) == 0);
        CHECK(ZSTD_isError(ZSTD_decompress(back, SIZE, packed, size / 2)));
    }
    /* There are no threads: the library must say so. */
    ZSTD_CCtx *context = ZSTD_createCCtx();
    CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, 2)));
    ZSTD_freeCCtx(context);
    CHECK(ZSTD_versionNumber() == ZSTD_VERSION_NUMBER);
    return 0;
}
