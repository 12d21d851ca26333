/* link with: libdeflate */
#include <libdeflate.h>
#include <string.h>
#include "check.h"

enum { SIZE = 200000 };

int main(void) {
    unsigned char *data = malloc(SIZE), *back = malloc(SIZE);
    fill(data, SIZE);
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(12);
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    size_t bound = libdeflate_gzip_compress_bound(compressor, SIZE);
    unsigned char *packed = malloc(bound);
    size_t size = libdeflate_gzip_compress(compressor, data, SIZE, packed, bound);
    CHECK(size > 0 && size < SIZE);
    CHECK(libdeflate_gzip_decompress(decompressor, packed, size, back, SIZE, NULL) == LIBDEFLATE_SUCCESS);
    CHECK(memcmp(data, back, SIZE) == 0);
    packed[size / 2] ^= 1;
    CHECK(libdeflate_gzip_decompress(decompressor, packed, size, back, SIZE, NULL) == LIBDEFLATE_BAD_DATA);
    CHECK(libdeflate_crc32(0, "123456789", 9) == 0xcbf43926);
    CHECK(libdeflate_adler32(1, "123456789", 9) == 0x091e01de);
    libdeflate_free_compressor(compressor);
    libdeflate_free_decompressor(decompressor);
    return 0;
}
