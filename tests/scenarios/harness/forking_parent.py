"""A program that has imported what `callapi serve` imports, and becomes it for each request: a fork, no import.

Each child has the arguments, the environment, the folder and the descriptors that `exec` would have given it, and then
runs the installed command itself. This process has no thread, and opens nothing but what is written here.

A message on the socket (SOCK_SEQPACKET) is JSON: a request `{"arguments", "environ", "folder"}` with the descriptor of
a log; its answer `{"pid"}` with a pidfd; at the end of a child `{"pid", "status"}`. When the socket is closed, what
still runs is killed.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from typing import Any, Final

MAX_MESSAGE: Final = 200_000
"""Bytes of a request; its environment is most of it."""
_ENTRY: Final = "callapi.cli.main"


def main() -> None:
    """Serve requests on the socket whose descriptor is the first argument."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    _import()
    if (request := _next_request(requests)) is not None:
        _become(*request)
        runpy.run_path(sys.argv[0], run_name="__main__")


def _import() -> None:
    """Import what `callapi serve` does; its entry module is left out, since it sets the environment of its process."""
    gc.disable()
    importlib.import_module(_ENTRY)
    importlib.import_module("callapi.cli.serve")
    del sys.modules[_ENTRY]
    gc.freeze()


def _next_request(requests: socket.socket) -> tuple[dict[str, Any], int] | None:
    """In a child: what it is to become, and its log. In this process: None, after the last request."""
    children: dict[int, int] = {}  # pidfd: pid
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready != requests.fileno():
                poll.unregister(ready)
                os.close(ready)
                _report_end(requests, children.pop(ready))
                continue
            message, descriptors, _, _ = socket.recv_fds(requests, MAX_MESSAGE, 1)
            if not message:
                _kill(children)
                return None
            (log,) = descriptors
            if (pid := os.fork()) == 0:
                requests.close()
                for each in children:
                    os.close(each)
                return json.loads(message), log
            os.close(log)
            pidfd = os.pidfd_open(pid)
            children[pidfd] = pid
            poll.register(pidfd, select.POLLIN)
            socket.send_fds(requests, [json.dumps({"pid": pid}).encode()], [pidfd])


def _report_end(requests: socket.socket, pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    requests.send(json.dumps({"pid": pid, "status": os.waitstatus_to_exitcode(status)}).encode())


def _kill(children: dict[int, int]) -> None:
    for pidfd, pid in children.items():
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitpid(pid, 0)


def _become(request: dict[str, Any], log: int) -> None:
    """Be what `exec` would make of this process."""
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    if request["folder"] is not None:
        os.chdir(request["folder"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, log, log)):
        os.dup2(descriptor, number)
    os.close(nothing)
    os.close(log)
    sys.argv[:] = request["arguments"]
    sys.path.insert(0, os.path.dirname(sys.argv[0]))  # noqa: PTH120 - as the interpreter does
    importlib.reload(sys.modules["callapi.base.clock"])  # it compares the clocks when it is imported
    gc.enable()


if __name__ == "__main__":
    main()
