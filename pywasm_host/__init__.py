"""Write functions that run in pywasm's sandboxes: their input and output, calls of others, state.

A function is a Python file. Its entry, `faasm_main` unless said otherwise at upload, takes no argument, or the input as
bytes. None or 0 is success, another int the status of a call that failed; so is an exception.

    import pywasm_host as host

    def faasm_main():
        host.write_output(host.read_input().upper())

In native Python, `pywasm_host.testing.call` runs it without a host.
"""

from pywasm_host.calls import (
    CallStatus,
    ChainedCall,
    LogHandler,
    await_call,
    await_output,
    chain,
    log,
    read_input,
    read_input_json,
    read_input_pickle,
    read_input_text,
    write_output,
    write_output_json,
    write_output_pickle,
    write_output_text,
)
from pywasm_host.errors import (
    AccessDenied,
    Busy,
    CallFailed,
    DeadlineExceeded,
    HostError,
    HostUnavailable,
    InvalidRequest,
    LimitExceeded,
    LockTimeout,
    NotFound,
)
from pywasm_host.information import attempt, call_id, config, deadline, function_name, remaining, user
from pywasm_host.state import (
    append_state,
    clear_appended,
    delete_state,
    lock_state,
    pull_state,
    push_state,
    read_appended,
    read_state,
    read_state_range,
    state_size,
    write_state,
    write_state_range,
)
from pywasm_host.views import state_view

__all__ = [
    "AccessDenied",
    "Busy",
    "CallFailed",
    "CallStatus",
    "ChainedCall",
    "DeadlineExceeded",
    "HostError",
    "HostUnavailable",
    "InvalidRequest",
    "LimitExceeded",
    "LockTimeout",
    "LogHandler",
    "NotFound",
    "append_state",
    "attempt",
    "await_call",
    "await_output",
    "call_id",
    "chain",
    "clear_appended",
    "config",
    "deadline",
    "delete_state",
    "function_name",
    "lock_state",
    "log",
    "pull_state",
    "push_state",
    "read_appended",
    "read_input",
    "read_input_json",
    "read_input_pickle",
    "read_input_text",
    "read_state",
    "read_state_range",
    "remaining",
    "state_size",
    "state_view",
    "user",
    "write_output",
    "write_output_json",
    "write_output_pickle",
    "write_output_text",
    "write_state",
    "write_state_range",
]
