"""LocalStack as the program of a container: what the image's target ``localstack`` runs, with embedded's settings.

    python -m lab.emulator.container

It becomes LocalStack, which listens on the container's addresses. So it runs in the lab's image alone: there it is the
compose file that decides who reaches the port.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lab import variables
from lab.emulator.environment import FILESYSTEM, environment
from lab.errors import LabError

PORT = 4566
# The Dockerfile sets it, and nothing else does.
IMAGE_MARK = "LAB_IMAGE"
ALL_ADDRESSES = f"0.0.0.0:{PORT}"


class NotInImageError(LabError):
    """The program of the image was started somewhere else."""


def settings(data: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Embedded's environment, but for where it listens and how its queue URLs begin.

    Raises:
        NotInImageError: ``variables`` are not those of the lab's image.
    """
    if variables.get(IMAGE_MARK) != "1":
        raise NotInImageError(
            "LocalStack was not started: on all addresses of this machine, everybody in its network could run code.",
            cause="python -m lab.emulator.container is for the lab's own image.",
            next_step="docker compose up, or without Docker: lab up",
        )
    return environment(
        data,
        PORT,
        {
            "GATEWAY_LISTEN": ALL_ADDRESSES,
            "LAB_LISTEN": "container",
            IMAGE_MARK: "1",
            # A queue's URL begins as the caller's does: 127.0.0.1 on the machine itself, localstack in the notebook.
            "SQS_ENDPOINT_STRATEGY": "dynamic",
        },
    )


def main() -> None:
    """Become LocalStack, in folders that end with the container."""
    data = Path(tempfile.gettempdir()) / "express-lab"
    try:
        environ = settings(data, variables.everything())
    except NotInImageError as error:
        sys.exit(error.render())
    for needed in (data / "cwd", data / "tmp", data / FILESYSTEM):
        needed.mkdir(parents=True, exist_ok=True)
    os.chdir(data / "cwd")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "localstack.runtime.main"], environ)


if __name__ == "__main__":
    main()
