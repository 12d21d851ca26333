/* link with: qhull_r */
/* An error leaves the library by longjmp. */
#include <libqhull_r/qhull_ra.h>
#include <math.h>
#include "check.h"

enum { INSIDE = 500 };

int main(void) {
    static coordT points[(8 + INSIDE) * 3];
    for (int i = 0; i < 24; i++) points[i] = i / 3 >> i % 3 & 1;
    unsigned state = 1;
    for (int i = 24; i < (8 + INSIDE) * 3; i++) {
        state = state * 1103515245u + 12345u;
        points[i] = 0.1 + 0.8 * (state >> 16) / 65536;
    }
    FILE *messages = fopen("messages", "w+");
    qhT state_of_qhull, *qh = &state_of_qhull;
    qh_zero(qh, messages);
    CHECK(qh_new_qhull(qh, 3, 8 + INSIDE, points, 0, "qhull Qt FA", messages, messages) == 0);
    CHECK(qh->num_vertices == 8);
    qh_getarea(qh, qh->facet_list);
    CHECK(fabs(qh->totvol - 1) < 1e-9 && fabs(qh->totarea - 6) < 1e-9);
    qh_freeqhull(qh, qh_ALL);

    for (int time = 0; time < 100; time++) {
        qh_zero(qh, messages);
        CHECK(qh_new_qhull(qh, 3, 3, points, 0, "qhull", messages, messages) == qh_ERRinput);
        qh_freeqhull(qh, qh_ALL);
    }
    char line[40] = "";
    rewind(messages);
    while (fgets(line, sizeof line, messages) && line[0] != 'Q') {}
    CHECK(line[0] == 'Q' && line[1] == 'H');
    fclose(messages);
    return remove("messages");
}
