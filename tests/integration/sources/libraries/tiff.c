/* link with: libtiff-4 */
/* Every way to compress, through files; errors reach the handler. */
#include <stdarg.h>
#include <string.h>
#include <tiffio.h>
#include "check.h"

enum { WIDTH = 64, HEIGHT = 40 };

static int errors;

static void count(const char *module, const char *format, va_list arguments) {
    (void)module, (void)format, (void)arguments;
    errors++;
}

static const struct {
    uint16_t scheme;
    int tolerance;
} schemes[] = {
    {COMPRESSION_NONE, 0}, {COMPRESSION_LZW, 0},  {COMPRESSION_PACKBITS, 0}, {COMPRESSION_ADOBE_DEFLATE, 0},
    {COMPRESSION_LZMA, 0}, {COMPRESSION_ZSTD, 0}, {COMPRESSION_JPEG, 12},    {COMPRESSION_WEBP, 24},
};

static void try(uint16_t scheme, int tolerance) {
    static unsigned char row[WIDTH * 3];
    TIFF *file = TIFFOpen("try.tif", "w");
    CHECK(file);
    TIFFSetField(file, TIFFTAG_IMAGEWIDTH, WIDTH);
    TIFFSetField(file, TIFFTAG_IMAGELENGTH, HEIGHT);
    TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 3);
    TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
    TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, HEIGHT);
    CHECK(TIFFSetField(file, TIFFTAG_COMPRESSION, scheme) == 1);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH * 3; x++) row[x] = (unsigned char)(y + x);
        CHECK(TIFFWriteScanline(file, row, (uint32_t)y, 0) == 1);
    }
    TIFFClose(file);
    file = TIFFOpen("try.tif", "r");
    CHECK(file);
    uint16_t found;
    CHECK(TIFFGetField(file, TIFFTAG_COMPRESSION, &found) == 1 && found == scheme);
    for (int y = 0; y < HEIGHT; y++) {
        CHECK(TIFFReadScanline(file, row, (uint32_t)y, 0) == 1);
        for (int x = 0; x < WIDTH * 3; x++) CHECK(abs(row[x] - (unsigned char)(y + x)) <= tolerance);
    }
    TIFFClose(file);
}

int main(void) {
    TIFFSetErrorHandler(count);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        CHECK(TIFFIsCODECConfigured(schemes[i].scheme));
        try(schemes[i].scheme, schemes[i].tolerance);
    }
    CHECK(errors == 0);
    FILE *file = fopen("try.tif", "w");
    fputs("II*\0 but then something else", file);
    fclose(file);
    CHECK(!TIFFOpen("try.tif", "r") && errors > 0);
    return remove("try.tif");
}
