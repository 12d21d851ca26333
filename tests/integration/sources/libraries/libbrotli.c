/* link with: libbrotlienc libbrotlidec */
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <string.h>
#include "check.h"

enum { SIZE = 100000 };

int main(void) {
    uint8_t *data = malloc(SIZE), *back = malloc(SIZE);
    size_t bound = BrotliEncoderMaxCompressedSize(SIZE);
    uint8_t *packed = malloc(bound);
    fill(data, SIZE);
    for (int quality = 1; quality <= 11; quality += 5) {
        size_t size = bound, unpacked = SIZE;
        CHECK(BrotliEncoderCompress(quality, 22, BROTLI_MODE_GENERIC, SIZE, data, &size, packed));
        CHECK(size < SIZE);
        CHECK(BrotliDecoderDecompress(size, packed, &unpacked, back) == BROTLI_DECODER_RESULT_SUCCESS);
        CHECK(unpacked == SIZE && memcmp(data, back, SIZE) == 0);
        CHECK(BrotliDecoderDecompress(size / 2, packed, &unpacked, back) == BROTLI_DECODER_RESULT_ERROR);
    }
    return 0;
}
