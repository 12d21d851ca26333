/* link with: libpng */
/* A corrupt file's error comes back by longjmp, out of the library and of a function of ours that it calls. */
#include <png.h>
#include <string.h>
#include "check.h"

enum { WIDTH = 61, HEIGHT = 47 };

struct buffer {
    unsigned char *data;
    size_t size, position;
};

static void write_bytes(png_structp png, png_bytep bytes, size_t size) {
    struct buffer *buffer = png_get_io_ptr(png);
    buffer->data = realloc(buffer->data, buffer->size + size);
    memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
}

static void read_bytes(png_structp png, png_bytep bytes, size_t size) {
    struct buffer *buffer = png_get_io_ptr(png);
    if (buffer->size - buffer->position < size) png_error(png, "the end came early");
    memcpy(bytes, buffer->data + buffer->position, size);
    buffer->position += size;
}

static void flush(png_structp png) { (void)png; }

static char message[200];

static void fail(png_structp png, png_const_charp text) {
    snprintf(message, sizeof message, "%s", text);
    png_longjmp(png, 1);
}

static void encode(struct buffer *file, unsigned char pixels[HEIGHT][WIDTH * 3]) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, file, write_bytes, flush);
    png_set_IHDR(png, info, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, 0, 0);
    png_bytep rows[HEIGHT];
    for (int y = 0; y < HEIGHT; y++) rows[y] = pixels[y];
    png_set_rows(png, info, rows);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
}

/* Return whether the file could be read; the pixels then lie in `pixels`. */
static int decode(struct buffer *file, unsigned char pixels[HEIGHT][WIDTH * 3]) {
    file->position = 0;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, NULL);
    png_infop info = png_create_info_struct(png);
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        return 0;
    }
    png_set_read_fn(png, file, read_bytes);
    png_read_png(png, info, PNG_TRANSFORM_EXPAND, NULL);
    CHECK(png_get_image_width(png, info) == WIDTH && png_get_image_height(png, info) == HEIGHT);
    png_bytepp rows = png_get_rows(png, info);
    for (int y = 0; y < HEIGHT; y++) memcpy(pixels[y], rows[y], WIDTH * 3);
    png_destroy_read_struct(&png, &info, NULL);
    return 1;
}

int main(void) {
    static unsigned char pixels[HEIGHT][WIDTH * 3], back[HEIGHT][WIDTH * 3];
    struct buffer file = {0};
    fill(pixels[0], sizeof pixels);
    encode(&file, pixels);
    CHECK(decode(&file, back) && memcmp(pixels, back, sizeof pixels) == 0);
    for (int time = 0; time < 100; time++) {
        file.data[20] ^= 1;
        CHECK(!decode(&file, back) && strcmp(message, "IHDR: CRC error") == 0);
        file.data[20] ^= 1;
        file.size /= 2;
        CHECK(!decode(&file, back) && strcmp(message, "the end came early") == 0);
        file.size *= 2;
    }
    return 0;
}
