/* setjmp and longjmp across frames, twice through the same buffer. */
#include <setjmp.h>
#include <stdio.h>

static jmp_buf buffer;

static void leave(int depth, int value)
{
    if (depth == 0)
        longjmp(buffer, value);
    leave(depth - 1, value);
}

int main(void)
{
    volatile int rounds = 0;
    int value = setjmp(buffer);
    printf("setjmp gave %d\n", value);
    if (rounds < 2) {
        rounds++;
        leave(10, 40 + rounds);
    }
    return 0;
}
