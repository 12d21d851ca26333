#!/bin/sh
# The same as: bin/inv cpython.native
exec "$(dirname -- "$0")/inv" cpython.native "$@"
