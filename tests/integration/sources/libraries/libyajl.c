/* link with: yajl */
#include <math.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>
#include <yajl/yajl_tree.h>
#include <yajl/yajl_version.h>
#include "check.h"

static int numbers;
static double sum;

static int add(void *context, double value) {
    CHECK(context == &numbers);
    numbers++;
    sum += value;
    return 1;
}

static int add_whole(void *context, long long value) { return add(context, (double)value); }

int main(void) {
    CHECK(yajl_version() == YAJL_VERSION);
    yajl_callbacks callbacks = {.yajl_integer = add_whole, .yajl_double = add};
    yajl_handle parser = yajl_alloc(&callbacks, NULL, &numbers);
    static const char text[] = "{\"a\": [1, 2.5, 9007199254740993], \"\\u00e9\": null}";
    /* It comes letter by letter, as from a stream. */
    for (const char *at = text; *at; at++) CHECK(yajl_parse(parser, (const unsigned char *)at, 1) == yajl_status_ok);
    CHECK(yajl_complete_parse(parser) == yajl_status_ok);
    CHECK(numbers == 3 && fabs(sum - 9007199254740996.0) < 4);
    yajl_free(parser);

    parser = yajl_alloc(NULL, NULL, NULL);
    CHECK(yajl_parse(parser, (const unsigned char *)"[1,]", 4) == yajl_status_error);
    unsigned char *words = yajl_get_error(parser, 1, (const unsigned char *)"[1,]", 4);
    CHECK(strstr((char *)words, "unallowed token"));
    yajl_free_error(parser, words);
    yajl_free(parser);

    char trouble[100];
    yajl_val tree = yajl_tree_parse(text, trouble, sizeof trouble);
    const char *path[] = {"a", NULL};
    yajl_val list = yajl_tree_get(tree, path, yajl_t_array);
    CHECK(list && list->u.array.len == 3 && YAJL_GET_INTEGER(list->u.array.values[2]) == 9007199254740993);
    yajl_tree_free(tree);

    yajl_gen out = yajl_gen_alloc(NULL);
    const unsigned char *made;
    size_t size;
    CHECK(yajl_gen_array_open(out) == yajl_gen_status_ok && yajl_gen_double(out, 0.1) == yajl_gen_status_ok);
    CHECK(yajl_gen_array_close(out) == yajl_gen_status_ok);
    CHECK(yajl_gen_get_buf(out, &made, &size) == yajl_gen_status_ok);
    CHECK(size > 4 && made[0] == '[' && fabs(strtod((const char *)made + 1, NULL) - 0.1) < 1e-15);
    yajl_gen_free(out);
    return 0;
}
