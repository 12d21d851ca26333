/* link with: geos */
/* The library is C++ behind an interface in C: its exceptions become messages. */
#include <geos_c.h>
#include <math.h>
#include <string.h>
#include "check.h"

static char message[200];

static void keep(const char *text, void *data) {
    (void)data;
    snprintf(message, sizeof message, "%s", text);
}

int main(void) {
    GEOSContextHandle_t geos = GEOS_init_r();
    GEOSContext_setErrorMessageHandler_r(geos, keep, NULL);
    GEOSWKTReader *reader = GEOSWKTReader_create_r(geos);
    GEOSGeometry *a = GEOSWKTReader_read_r(geos, reader, "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))");
    GEOSGeometry *b = GEOSWKTReader_read_r(geos, reader, "POLYGON ((5 5, 15 5, 15 15, 5 15, 5 5))");
    CHECK(a && b);
    double area;
    GEOSGeometry *both = GEOSIntersection_r(geos, a, b);
    CHECK(both && GEOSArea_r(geos, both, &area) && area == 25);
    GEOSGeometry *expected = GEOSWKTReader_read_r(geos, reader, "POLYGON ((5 5, 5 10, 10 10, 10 5, 5 5))");
    CHECK(GEOSEquals_r(geos, both, expected) == 1);
    GEOSGeometry *either = GEOSUnion_r(geos, a, b);
    CHECK(either && GEOSArea_r(geos, either, &area) && area == 175);
    GEOSGeometry *round = GEOSBuffer_r(geos, a, 1, 64);
    CHECK(round && GEOSArea_r(geos, round, &area) && fabs(area - (140 + 3.14159265)) < 0.01);
    CHECK(GEOSTouches_r(geos, a, b) == 0 && GEOSIntersects_r(geos, a, b) == 1);

    for (int time = 0; time < 100; time++) {
        message[0] = 0;
        CHECK(!GEOSWKTReader_read_r(geos, reader, "POLYGON ((0 0, 1"));
        CHECK(strstr(message, "ParseException"));
    }
    CHECK(!GEOSWKTReader_read_r(geos, reader, "POLYGON ((0 0, 1 1, 0 1))") && strstr(message, "IllegalArgument"));

    GEOSSTRtree *tree = GEOSSTRtree_create_r(geos, 4);
    GEOSSTRtree_insert_r(geos, tree, a, a);
    GEOSSTRtree_insert_r(geos, tree, b, b);
    GEOSGeometry *point = GEOSWKTReader_read_r(geos, reader, "POINT (30 30)");
    CHECK(GEOSSTRtree_nearest_r(geos, tree, point) == b);
    GEOSSTRtree_destroy_r(geos, tree);

    GEOSGeometry *all[] = {a, b, both, expected, either, round, point};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) GEOSGeom_destroy_r(geos, all[i]);
    GEOSWKTReader_destroy_r(geos, reader);
    GEOS_finish_r(geos);
    return 0;
}
