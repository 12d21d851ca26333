#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define MOST_POINTS (1 << 20)
enum kind { NEAR, FAR = 10, UNKNOWN = -1 };
/* cffi is not told of all members, and asks the compiler where the others are. */
typedef struct {
    char hidden[5];
    double x;
    short between;
    enum kind kind;
    double y;
} point;

int calls = 7;
const char *const title = "points";

/* cffi defines them below, when it has read the declarations. */
static double weigh(const point *);
static long long visit(void *about, int number, long long wide, float narrow);

double length(const point *p) { return sqrt(p->x * p->x + p->y * p->y); }

point middle(point one, point other) {
    calls++;
    return (point){.x = (one.x + other.x) / 2, .y = (one.y + other.y) / 2, .kind = UNKNOWN};
}

double total(const point *points, size_t count, double (*function)(const point *)) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += function(points + i);
    return sum;
}

double total_by_python(const point *points, size_t count) { return total(points, count, weigh); }

int told(char *out, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, size, format, arguments);
    va_end(arguments);
    return length;
}

long long product(long long one, short other) { return one * other; }

int refuse(int number) {
    errno = number;
    return -1;
}

void *keep(void *thing) {
    static void *kept;
    void *before = kept;
    kept = thing;
    return before;
}

long long visits(void *about, int count) {
    long long sum = 0;
    for (int i = 0; i < count; i++) sum += visit(about, i, 1LL << 40, 0.5f);
    return sum;
}
