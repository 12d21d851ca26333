/* link with: libjpeg libturbojpeg */
/* A corrupt file's error comes back by longjmp out of error_exit, which must not return. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <turbojpeg.h>
#include "check.h"

enum { WIDTH = 64, HEIGHT = 48 };

struct errors {
    struct jpeg_error_mgr base;
    jmp_buf place;
    char message[JMSG_LENGTH_MAX];
};

static void leave(j_common_ptr codec) {
    struct errors *errors = (struct errors *)codec->err;
    errors->base.format_message(codec, errors->message);
    longjmp(errors->place, 1);
}

static void keep_quiet(j_common_ptr codec) { (void)codec; }

static void encode(unsigned char **file, unsigned long *size, int progressive, unsigned char (*pixels)[WIDTH * 3]) {
    struct jpeg_compress_struct codec;
    struct jpeg_error_mgr errors;
    codec.err = jpeg_std_error(&errors);
    jpeg_create_compress(&codec);
    jpeg_mem_dest(&codec, file, size);
    codec.image_width = WIDTH;
    codec.image_height = HEIGHT;
    codec.input_components = 3;
    codec.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec);
    jpeg_set_quality(&codec, 95, TRUE);
    if (progressive) jpeg_simple_progression(&codec);
    jpeg_start_compress(&codec, TRUE);
    while (codec.next_scanline < HEIGHT) {
        JSAMPROW row = pixels[codec.next_scanline];
        jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
    jpeg_destroy_compress(&codec);
}

/* Return whether the file could be read; the pixels then lie in `pixels`, else a message in `errors`. */
static int decode(unsigned char *file, unsigned long size, struct errors *errors, unsigned char (*pixels)[WIDTH * 3]) {
    struct jpeg_decompress_struct codec;
    codec.err = jpeg_std_error(&errors->base);
    errors->base.error_exit = leave;
    errors->base.output_message = keep_quiet;
    if (setjmp(errors->place)) {
        jpeg_destroy_decompress(&codec);
        return 0;
    }
    jpeg_create_decompress(&codec);
    jpeg_mem_src(&codec, file, size);
    jpeg_read_header(&codec, TRUE);
    jpeg_start_decompress(&codec);
    CHECK(codec.output_width == WIDTH && codec.output_height == HEIGHT);
    while (codec.output_scanline < HEIGHT) {
        JSAMPROW row = pixels[codec.output_scanline];
        jpeg_read_scanlines(&codec, &row, 1);
    }
    jpeg_finish_decompress(&codec);
    jpeg_destroy_decompress(&codec);
    return 1;
}

static int far(unsigned char (*a)[WIDTH * 3], unsigned char (*b)[WIDTH * 3]) {
    int most = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH * 3; x++) most = abs(a[y][x] - b[y][x]) > most ? abs(a[y][x] - b[y][x]) : most;
    return most;
}

int main(void) {
    static unsigned char pixels[HEIGHT][WIDTH * 3], back[HEIGHT][WIDTH * 3];
    static struct errors errors;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            unsigned char colour[3] = {(unsigned char)(4 * x), (unsigned char)(5 * y), (unsigned char)(2 * (x + y))};
            memcpy(&pixels[y][3 * x], colour, 3);
        }
    for (int progressive = 0; progressive < 2; progressive++) {
        unsigned char *file = NULL;
        unsigned long size = 0;
        encode(&file, &size, progressive, pixels);
        CHECK(decode(file, size, &errors, back) && far(pixels, back) < 16);
        for (int time = 0; time < 100; time++) {
            file[0] ^= 1;
            CHECK(!decode(file, size, &errors, back) && strstr(errors.message, "Not a JPEG file"));
            file[0] ^= 1;
            CHECK(!decode(file, 20, &errors, back));
        }
        tjhandle handle = tjInitDecompress();
        int width, height, sampling, colours;
        CHECK(tjDecompressHeader3(handle, file, size, &width, &height, &sampling, &colours) == 0);
        CHECK(width == WIDTH && height == HEIGHT && sampling == TJSAMP_420);
        /* The library catches the longjmp itself. */
        file[0] ^= 1;
        CHECK(tjDecompressHeader3(handle, file, size, &width, &height, &sampling, &colours) == -1);
        CHECK(strstr(tjGetErrorStr2(handle), "Not a JPEG file"));
        tjDestroy(handle);
        free(file);
    }
    return 0;
}
