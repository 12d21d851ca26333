/* What C++ calls for a thread_local object with a destructor. There is one thread: it ends with the program. */
int __cxa_atexit(void (*function)(void *), void *object, void *module);

int __cxa_thread_atexit(void (*function)(void *), void *object, void *module)
{
    return __cxa_atexit(function, object, module);
}
