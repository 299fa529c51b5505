"""The workshop as the program of a container: what the image's target ``notebook`` runs.

    python -m lab.workshop.container

The learner's copy of the notebooks is on a volume. What is missing in it comes from the image; what is there is the
learner's and stays as it is.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lab import paths, variables
from lab.errors import LabError
from lab.target import resolve
from lab.workshop import jupyter

# What a learner opens; the notebooks name the others by their place in the project.
SHOWN = ("notebooks", "lambdas", "statemachine")
PORT = 8888


def seed(project: Path, folder: Path) -> list[Path]:
    """Copy the files that ``folder`` lacks; returns them, relative to it."""
    made = []
    for room in SHOWN:
        for file in sorted((project / room).rglob("*")):
            place = folder / file.relative_to(project)
            if file.is_file() and not place.exists() and "__pycache__" not in file.parts:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
                made.append(place.relative_to(folder))
    return made


def main() -> None:
    """Fill the volume, then JupyterLab until the container is stopped."""
    folder = Path.home() / "workshop"
    try:
        seed(paths.PROJECT, folder)
        jupyter.serve(
            resolve(),
            open_browser=False,
            port=PORT,
            say=lambda text: print(text, flush=True),  # noqa: T201 - the log of the container
            folder=folder,
            listen="0.0.0.0",
            token=variables.value("JUPYTER_TOKEN"),
            published_port=variables.value("LAB_NOTEBOOK_PORT") or PORT,
        )
    except LabError as error:
        sys.exit(error.render())
    except OSError as error:
        sys.exit(f"The workshop's folder {folder} cannot be written: {error}.\nNext: docker compose down --volumes")


if __name__ == "__main__":
    main()
