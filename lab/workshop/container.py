"""The workshop as the program of a container: what the image's target ``notebook`` runs.

    python -m lab.workshop.container

The learner's copy of the notebooks is on a volume, where ``LAB_WORKSHOP_DIR`` says.
"""

from __future__ import annotations

import sys

from lab import paths, variables
from lab.errors import LabError
from lab.target import resolve
from lab.workshop import jupyter, working_copy

PORT = 8888


def main() -> None:
    """Bring the copy up to date, then JupyterLab until the container is stopped."""
    try:
        jupyter.serve(
            resolve(),
            open_browser=False,
            port=PORT,
            say=lambda text: print(text, flush=True),  # noqa: T201 - the log of the container
            listen="0.0.0.0",
            token=variables.value("JUPYTER_TOKEN"),
            published_port=variables.value("LAB_NOTEBOOK_PORT") or PORT,
        )
    except working_copy.WorkingCopyError:
        sys.exit(
            f"The workshop's folder {paths.working_copy()} cannot be written.\nNext: docker compose down --volumes"
        )
    except LabError as error:
        sys.exit(error.render())


if __name__ == "__main__":
    main()
