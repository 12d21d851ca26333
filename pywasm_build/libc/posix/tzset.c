/* The time zone of the C library, which is always UTC: wasi-libc has no tables of others. */
#include <time.h>

char *tzname[2] = {"UTC", "UTC"};
long timezone = 0;
int daylight = 0;

void tzset(void)
{
}
