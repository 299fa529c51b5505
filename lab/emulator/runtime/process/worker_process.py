"""The start of a worker process: prepares the interpreter as Lambda does, then hands over to AWS's runtime client.

Run as ``python -I -S -X utf8 worker_process.py HANDLER LIBRARY_PATH PURE``, where LIBRARY_PATH names the folders of the
runtime client and boto3 and PURE is ``1`` to use the pure-Python runtime client. ``-S`` keeps editable installs and
``.pth`` files out, so that a handler cannot import what a deployed one could not; ``-I`` keeps the user's own Python
settings out. The file imports nothing of ``lab`` and stays small, because every cold start runs it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import MutableSequence


def end_with_parent() -> None:
    """Ends this process as soon as LocalStack is gone, however it went.

    LocalStack holds the other end of the pipe on standard input and never writes to it: reading gives the end of file
    when LocalStack is dead. A thread waits for that. It cannot run while a handler is stuck inside C code (a regular
    expression that explodes, for example), so Linux is asked to send SIGIO as well, whose default action is to end the
    process.
    """
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)

    def wait_for_end() -> None:
        with contextlib.suppress(OSError):
            while os.read(pipe, 1):
                pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait_for_end, name="end-with-parent", daemon=True).start()


def prepare_path(path: MutableSequence[str], task_root: str, library_path: str, *, pure: bool) -> None:
    """Fills ``sys.path`` in Lambda's order: the code, the function's PYTHONPATH, the standard library, libraries."""
    path.extend(folder for folder in library_path.split(os.pathsep) if folder and folder not in path)
    own = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    path[:0] = [task_root, *own]
    if pure or importlib.util.find_spec("runtime_client") is None:
        path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "pure_python"))  # noqa: PTH118, PTH100, PTH120


def main() -> None:
    """Serves invocations until LocalStack ends this process."""
    handler, library_path, pure = sys.argv[1:4]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
    prepare_path(sys.path, os.environ["LAMBDA_TASK_ROOT"], library_path, pure=pure == "1")
    sys.dont_write_bytecode = True
    sys.argv[:] = [sys.argv[0], handler]
    from awslambdaric.__main__ import main as serve  # type: ignore[import-untyped]

    serve(sys.argv)


if __name__ == "__main__":
    main()
