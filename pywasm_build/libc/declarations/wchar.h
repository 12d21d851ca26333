/* As on macOS: sources are used to standard headers of C++ that bring it, and Python.h does not for the stable ABI. */
#include <stdio.h>
