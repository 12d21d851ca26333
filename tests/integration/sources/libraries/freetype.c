/* link with: freetype2 */
/* A font is drawn, and unpacked from gzip. */
#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_GZIP_H
#include FT_SYSTEM_H
#include <string.h>
#include <zlib.h>
#include "check.h"
#include "font.h"

static void *get(FT_Memory memory, long wanted) { (void)memory; return malloc((size_t)wanted); }
static void give_back(FT_Memory memory, void *block) { (void)memory; free(block); }
static void *resize(FT_Memory memory, long old, long wanted, void *block) {
    (void)memory, (void)old;
    return realloc(block, (size_t)wanted);
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
    draw(library, font, font_size);

    static unsigned char packed[2000];
    z_stream stream = {.next_in = font, .avail_in = (uInt)font_size, .next_out = packed, .avail_out = sizeof packed};
    CHECK(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&stream);
    unsigned char unpacked[2000];
    FT_ULong length = sizeof unpacked;
    struct FT_MemoryRec_ memory = {NULL, get, give_back, resize};
    CHECK(FT_Gzip_Uncompress(&memory, unpacked, &length, packed, stream.total_out) == 0 && length == font_size);

    /* A font that is cut off. */
    FT_Face face;
    CHECK(FT_New_Memory_Face(library, font, 100, 0, &face) != 0);
    FT_Done_FreeType(library);
    return 0;
}
