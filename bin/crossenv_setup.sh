#!/bin/sh
# The same as: bin/inv crossenv
exec "$(dirname -- "$0")/inv" crossenv "$@"
