/* link with: harfbuzz */
#include <hb-ft.h>
#include <hb.h>
#include "check.h"
#include "font.h"

/* Shape "AbA" and compare the glyphs and where they are. */
static void shape(hb_font_t *shaped, int width) {
    hb_buffer_t *buffer = hb_buffer_create();
    hb_buffer_add_utf8(buffer, "AbA", -1, 0, -1);
    hb_buffer_guess_segment_properties(buffer);
    CHECK(hb_buffer_get_direction(buffer) == HB_DIRECTION_LTR && hb_buffer_get_script(buffer) == HB_SCRIPT_LATIN);
    hb_shape(shaped, buffer, NULL, 0);
    unsigned count;
    hb_glyph_info_t *glyphs = hb_buffer_get_glyph_infos(buffer, &count);
    hb_glyph_position_t *positions = hb_buffer_get_glyph_positions(buffer, NULL);
    CHECK(count == 3);
    for (unsigned i = 0; i < count; i++) {
        CHECK(glyphs[i].codepoint == (i == 1 ? 0u : 1u) && glyphs[i].cluster == i);
        CHECK(positions[i].x_advance == width && positions[i].y_advance == 0);
    }
    hb_buffer_destroy(buffer);
}

int main(void) {
    make_font();
    hb_blob_t *blob = hb_blob_create((const char *)font, (unsigned)font_size, HB_MEMORY_MODE_READONLY, NULL, NULL);
    hb_face_t *face = hb_face_create(blob, 0);
    CHECK(hb_face_get_glyph_count(face) == 2 && hb_face_get_upem(face) == 1000);
    hb_font_t *own = hb_font_create(face);
    shape(own, 1000);
    hb_glyph_extents_t extents;
    CHECK(hb_font_get_glyph_extents(own, 1, &extents) && extents.width == 800 && extents.y_bearing == 800);
    hb_font_destroy(own);
    hb_face_destroy(face);
    hb_blob_destroy(blob);

    FT_Library library;
    FT_Face opened;
    CHECK(FT_Init_FreeType(&library) == 0);
    CHECK(FT_New_Memory_Face(library, font, (FT_Long)font_size, 0, &opened) == 0);
    CHECK(FT_Set_Pixel_Sizes(opened, 0, 40) == 0);
    hb_font_t *freetypes = hb_ft_font_create_referenced(opened);
    shape(freetypes, 40 * 64);
    hb_font_destroy(freetypes);
    FT_Done_Face(opened);
    FT_Done_FreeType(library);
    return 0;
}
