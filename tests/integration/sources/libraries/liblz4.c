/* link with: liblz4 */
#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>
#include <string.h>
#include "check.h"

enum { SIZE = 300000 };

int main(void) {
    unsigned char *data = malloc(SIZE), *back = malloc(SIZE);
    size_t bound = LZ4F_compressFrameBound(SIZE, NULL);
    char *packed = malloc(bound);
    fill(data, SIZE);
    int fast = LZ4_compress_default((char *)data, packed, SIZE, (int)bound);
    CHECK(fast > 0 && LZ4_decompress_safe(packed, (char *)back, fast, SIZE) == SIZE);
    CHECK(memcmp(data, back, SIZE) == 0);
    CHECK(LZ4_decompress_safe(packed, (char *)back, fast, SIZE / 2) < 0);
    int high = LZ4_compress_HC((char *)data, packed, SIZE, (int)bound, LZ4HC_CLEVEL_MAX);
    CHECK(high > 0 && high <= fast);
    size_t framed = LZ4F_compressFrame(packed, bound, data, SIZE, NULL);
    CHECK(!LZ4F_isError(framed));
    LZ4F_dctx *context;
    CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
    size_t filled = SIZE, taken = framed;
    memset(back, 0, SIZE);
    CHECK(LZ4F_decompress(context, back, &filled, packed, &taken, NULL) == 0);
    CHECK(filled == SIZE && taken == framed && memcmp(data, back, SIZE) == 0);
    LZ4F_freeDecompressionContext(context);
    return 0;
}
