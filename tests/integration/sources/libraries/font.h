/* A TrueType font that is made here: its letter "A" is a square, all else is empty. */
#ifndef FONT_H
#define FONT_H

#include <string.h>

static unsigned char font[2000];
static size_t font_size;

static void u16(unsigned value) {
    font[font_size++] = (unsigned char)(value >> 8);
    font[font_size++] = (unsigned char)value;
}

static void u32(unsigned long value) {
    u16((unsigned)(value >> 16));
    u16((unsigned)value & 0xffff);
}

static void many(int count, const int *values) {
    for (int i = 0; i < count; i++) u16((unsigned)values[i] & 0xffff);
}

#define MANY(...)                                             \
    do {                                                      \
        const int values[] = {__VA_ARGS__};                   \
        many(sizeof values / sizeof *values, values);         \
    } while (0)

static const char *const names[] = {"cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp"};

static void table(int index) {
    switch (index) {
    case 0: /* one subtable of format 4: "A" is glyph 1 */
        MANY(0, 1, 3, 1, 0, 12, 4, 32, 0, 4, 4, 1, 0, 'A', 0xffff, 0, 'A', 0xffff, 1 - 'A', 1, 0, 0);
        break;
    case 1: /* a square from (100, 0) to (900, 800) */
        MANY(1, 100, 0, 900, 800, 3, 0);
        font[font_size++] = 1, font[font_size++] = 1, font[font_size++] = 1, font[font_size++] = 1;
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
    size_t entry = font_size;
    font_size += 16 * COUNT;
    for (int i = 0; i < COUNT; i++) {
        size_t start = font_size;
        table(i);
        size_t end = font_size;
        font_size = entry + 16 * (size_t)i;
        memcpy(font + font_size, names[i], 4);
        font_size += 4;
        u32(0), u32(start), u32(end - start);
        font_size = (end + 3) / 4 * 4;
    }
}

#endif
