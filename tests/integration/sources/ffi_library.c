/* What the tests of ctypes load. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>

#define ECHO(name, type) type echo_##name(type value) { return value; }
ECHO(i8, int8_t)
ECHO(u8, uint8_t)
ECHO(i16, int16_t)
ECHO(u16, uint16_t)
ECHO(i32, int32_t)
ECHO(u32, uint32_t)
ECHO(i64, int64_t)
ECHO(u64, uint64_t)
ECHO(f32, float)
ECHO(f64, double)
ECHO(quad, long double)
ECHO(bool, bool)
ECHO(char, char)
ECHO(wchar, wchar_t)
ECHO(pointer, void *)

struct one { double value; };
struct point { int x, y; };
struct line { struct point from, to; };
struct mixed { char tag; double values[3]; struct one deep; long double quad; };
struct shorts { short values[2]; };
struct large { int64_t values[1000]; };
ECHO(one, struct one)
ECHO(mixed, struct mixed)
ECHO(large, struct large)
ECHO(shorts, struct shorts)
struct line turned(struct line line) { return (struct line){line.to, line.from}; }
struct point moved(struct point point, struct one by) { return (struct point){point.x + (int)by.value, point.y}; }

int counter = 7;
const char *const name = "a library";
struct point origin = {3, 4};
void count(int step) { counter += step; }
int half(double value) { return (int)(value / 2); }
double of_nothing(void) { return 2.5; }

int sum(int number, ...)
{
    va_list list;
    int result = 0;
    va_start(list, number);
    while (number-- > 0)
        result += va_arg(list, int);
    va_end(list);
    return result;
}

long double sum_of_kinds(const char *kinds, ...)
{
    va_list list;
    long double result = 0;
    va_start(list, kinds);
    for (; *kinds != '\0'; kinds++)
        switch (*kinds) {
        case 'i': result += va_arg(list, int); break;
        case 'l': result += va_arg(list, int64_t); break;
        case 'd': result += va_arg(list, double); break;
        case 'q': result += va_arg(list, long double); break;
        case 'p': result += va_arg(list, struct point).x; break;
        }
    va_end(list);
    return result;
}

int apply(int (*function)(int), int value) { return function(value); }
int apply_twice(int (*function)(int), int value) { return function(function(value)); }
int (*doubler(void))(int);
static int doubled(int value) { return 2 * value; }
int (*doubler(void))(int) { return doubled; }

typedef struct { int (*function)(int); int value; } job;
int run(job *job) { return job->function(job->value); }

double call_all_kinds(double (*function)(int8_t, uint16_t, int64_t, float, double, long double, void *, struct point *))
{
    struct point point = {1, 2};
    return function(-1, 65535, INT64_MIN, 1.5f, 0.25, 0.125L, &counter, &point);
}

int8_t narrow(int8_t (*function)(uint8_t)) { return function(255); }
bool truth(bool (*function)(bool)) { return function(true); }
int64_t wide(int64_t (*function)(int64_t)) { return function(INT64_MAX); }
float single(float (*function)(float)) { return function(0.5f); }
struct point by_value(int (*function)(struct point, struct one))
{
    return (struct point){function((struct point){20, 2}, (struct one){20.0}), 0};
}

static void (*kept)(void);
void keep(void (*function)(void)) { kept = function; }
void call_kept(void) { kept(); }
void repeat(void (*function)(void), int times) { while (times-- > 0) function(); }

int fail_with(int number) { errno = number; return -1; }
int last_error(void) { return errno; }
