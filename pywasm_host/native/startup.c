/* Put the process into the working directory that the embedder names.
 *
 * WASI has no working directory; wasi-libc keeps one of its own and begins at "/".
 * The variable is removed, so that the Python program does not see it.
 */
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void enter_working_directory(void)
{
    const char *directory = getenv("PYWASM_CWD");
    if (directory == NULL)
        return;
    /* A directory that cannot be entered leaves "/", as a login shell does. */
    (void)chdir(directory);
    unsetenv("PYWASM_CWD");
}
