/* link with: freetype2 */
/* The font is made here: a TrueType file whose letter "A" is a square, once as it is and once in gzip. */
#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_GZIP_H
#include FT_SYSTEM_H
#include <string.h>
#include <zlib.h>
#include "check.h"

static unsigned char font[2000];
static size_t size;

static void u16(unsigned value) {
    font[size++] = (unsigned char)(value >> 8);
    font[size++] = (unsigned char)value;
}

static void u32(unsigned long value) {
    u16((unsigned)(value >> 16));
    u16((unsigned)value & 0xffff);
}

static void many(int count, const int *values) {
    for (int i = 0; i < count; i++) u16((unsigned)values[i] & 0xffff);
}

#define MANY(...) many(sizeof((int[]){__VA_ARGS__}) / sizeof(int), (int[]){__VA_ARGS__})

static void *get(FT_Memory memory, long wanted) { (void)memory; return malloc((size_t)wanted); }
static void give_back(FT_Memory memory, void *block) { (void)memory; free(block); }
static void *resize(FT_Memory memory, long old, long wanted, void *block) {
    (void)memory, (void)old;
    return realloc(block, (size_t)wanted);
}

static const char *const names[] = {"cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp"};

static void table(int index) {
    switch (index) {
    case 0: /* one subtable of format 4: "A" is glyph 1 */
        MANY(0, 1, 3, 1, 0, 12, 4, 32, 0, 4, 4, 1, 0, 'A', 0xffff, 0, 'A', 0xffff, 1 - 'A', 1, 0, 0);
        break;
    case 1: /* a square from (100, 0) to (900, 800) */
        MANY(1, 100, 0, 900, 800, 3, 0);
        font[size++] = 1, font[size++] = 1, font[size++] = 1, font[size++] = 1;
        MANY(100, 0, 800, 0, 0, 800, 0, -800);
        break;
    case 2:
        u32(0x10000), u32(0x10000), u32(0), u32(0x5f0f3cf5);
        MANY(0, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 900, 800, 0, 8, 2, 1, 0);
        break;
    case 3:
        u32(0x10000);
        MANY(800, 0, 0, 1000, 0, 0, 900, 1, 0, 0, 0, 0, 0, 0, 0, 2);
        break;
    case 4: MANY(1000, 0, 1000, 100); break;
    case 5: u32(0), u32(0), u32(34); break;
    case 6:
        u32(0x10000);
        MANY(2, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
        break;
    }
}

static void make_font(void) {
    enum { COUNT = sizeof names / sizeof *names };
    u32(0x10000);
    MANY(COUNT, 64, 2, 48);
    size_t entry = size;
    size += 16 * COUNT;
    for (int i = 0; i < COUNT; i++) {
        size_t start = size;
        table(i);
        size_t end = size;
        size = entry + 16 * (size_t)i;
        memcpy(font + size, names[i], 4);
        size += 4;
        u32(0), u32(start), u32(end - start);
        size = (end + 3) / 4 * 4;
    }
}

static void draw(FT_Library library, const unsigned char *data, size_t length) {
    FT_Face face;
    CHECK(FT_New_Memory_Face(library, data, (FT_Long)length, 0, &face) == 0);
    CHECK(face->num_glyphs == 2 && face->units_per_EM == 1000);
    CHECK(FT_Get_Char_Index(face, 'A') == 1 && FT_Get_Char_Index(face, 'B') == 0);
    CHECK(FT_Set_Pixel_Sizes(face, 0, 40) == 0);
    CHECK(FT_Load_Char(face, 'A', FT_LOAD_RENDER | FT_LOAD_NO_HINTING) == 0);
    FT_Bitmap *bitmap = &face->glyph->bitmap;
    CHECK(bitmap->width == 32 && bitmap->rows == 32 && face->glyph->bitmap_left == 4 && face->glyph->bitmap_top == 32);
    for (unsigned y = 0; y < 32; y++)
        for (unsigned x = 0; x < 32; x++) CHECK(bitmap->buffer[(int)y * bitmap->pitch + (int)x] == 255);
    FT_Done_Face(face);
}

int main(void) {
    FT_Library library;
    FT_Int major, minor, patch;
    CHECK(FT_Init_FreeType(&library) == 0);
    FT_Library_Version(library, &major, &minor, &patch);
    CHECK(major == FREETYPE_MAJOR && minor == FREETYPE_MINOR && patch == FREETYPE_PATCH);
    make_font();
    draw(library, font, size);

    static unsigned char packed[2000];
    z_stream stream = {.next_in = font, .avail_in = (uInt)size, .next_out = packed, .avail_out = sizeof packed};
    CHECK(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&stream);
    unsigned char unpacked[2000];
    FT_ULong length = sizeof unpacked;
    struct FT_MemoryRec_ memory = {NULL, get, give_back, resize};
    CHECK(FT_Gzip_Uncompress(&memory, unpacked, &length, packed, stream.total_out) == 0 && length == size);

    /* A font that is cut off. */
    FT_Face face;
    CHECK(FT_New_Memory_Face(library, font, 100, 0, &face) != 0);
    FT_Done_FreeType(library);
    return 0;
}
