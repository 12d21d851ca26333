/* link with: fribidi */
#include <fribidi.h>
#include <string.h>
#include "check.h"

int main(void) {
    /* "one", three letters of Hebrew, a number: in a line from right to left the number still reads from the left. */
    static const char text[] = "\xd7\x90\xd7\x91\xd7\x92 one 12";
    FriBidiChar logical[40], visual[40];
    FriBidiStrIndex length = fribidi_charset_to_unicode(FRIBIDI_CHAR_SET_UTF8, text, sizeof text - 1, logical);
    CHECK(length == 10);
    FriBidiParType direction = FRIBIDI_PAR_ON;
    FriBidiStrIndex positions[40];
    FriBidiLevel levels[40];
    CHECK(fribidi_log2vis(logical, length, &direction, visual, positions, NULL, levels) > 0);
    CHECK(direction == FRIBIDI_PAR_RTL);
    char shown[80];
    fribidi_unicode_to_charset(FRIBIDI_CHAR_SET_UTF8, visual, length, shown);
    CHECK(strcmp(shown, "one 12 \xd7\x92\xd7\x91\xd7\x90") == 0);
    CHECK(levels[0] == 1 && levels[4] == 2 && positions[0] == 9);
    CHECK(fribidi_get_bidi_type('a') == FRIBIDI_TYPE_LTR && fribidi_get_bidi_type(0x5d0) == FRIBIDI_TYPE_RTL);
    return 0;
}
