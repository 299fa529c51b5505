"""What the notebooks keep out of sight: finding the lab, showing files, telling what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from IPython.display import Markdown

from lab import paths, stack
from lab.emulator import launcher, processes
from lab.errors import UnavailableError
from lab.load import messages
from lab.session import MANIFEST, RampResult, head, keep_run, run_folder
from lab.target import Target, explain, resolve
from lab.workshop.page import filled

_LANGUAGES = {".py": "python", ".json": "json"}


class LabNotReadyError(UnavailableError):
    """The notebook needs a lab that is not there, or not complete."""


def open_lab(*, start: bool = False, complete: bool = True, say: Callable[[str], None] = print) -> Target:
    """Find the lab that ``LAB_TARGET`` and ``LAB_NAME`` name: the first cell of every notebook.

    Args:
        start: whether to start the emulator of an embedded lab that is not running.
        complete: whether the notebook needs all resources to be there.
        say: gets one sentence about the lab.

    Raises:
        LabNotReadyError: it is not running or lacks resources; says which command or notebook to run.
    """
    target = resolve()
    options = target.options
    if target.kind == "embedded":
        if start:
            launcher.start(target.name)
        elif processes.find(target.name) is None:
            raise LabNotReadyError(
                f"The lab '{target.name}' is not running.",
                next_step=f"run the notebook 01_provision, or type in a terminal: lab up{options}",
            )
    try:
        account = target.account
        lacking = stack.missing(target) if complete else []
    except Exception as error:  # noqa: BLE001 - the known ones of boto3 get a sentence, all others go on
        raise (explain(error) or error) from None
    if lacking:
        raise LabNotReadyError(
            f"The lab '{target.name}' is not complete: it lacks {', '.join(lacking)}.",
            next_step=f"run the notebook 01_provision, or type in a terminal: lab up{options}",
        )
    if target.is_emulator:
        say(f"The lab '{target.name}' is ready. Everything in it stays on this machine.")
    else:
        say(f"The lab '{target.name}' is in your AWS account {account}, region {target.region}: what runs there costs.")
    return target


def show(file: Path) -> Markdown:
    """A file of the project, as it is deployed, to read in the notebook."""
    name = file.resolve().relative_to(paths.PROJECT).as_posix()  # the project may be reached through a link
    return Markdown(f"`{name}`\n\n```{_LANGUAGES.get(file.suffix, '')}\n{messages.read_text(file).rstrip()}\n```")


def show_json(document: Any) -> Markdown:
    """A JSON document, given as text or as data, to read in the notebook."""
    data = json.loads(document) if isinstance(document, str) else document
    return Markdown(f"```json\n{json.dumps(data, indent=2, ensure_ascii=False)}\n```")


def tell(name: str, details: Iterable[str] = ()) -> None:
    """Print that a resource is there."""
    listed = ", ".join(details)
    _print(f"{name} is there" + (f", with {listed}" if listed else ""))


def _print(text: str) -> None:
    print(filled(text))  # noqa: T201 - the notebook's own output


def keep(target: Target, result: RampResult) -> Path:
    """Write the raw rows of a run as CSV files into the lab's state folder, say where, and return that folder."""
    folder = run_folder(target, result.run_id)
    keep_run(head(target), result, folder, tables_in=".")
    # Relative, because a saved notebook should not tell whose machine it was.
    rows = sorted(file.name for file in folder.iterdir() if file.is_file() and file.name != MANIFEST)
    _print(f"kept in runs/{result.run_id}: " + ", ".join(rows))
    return folder


def contents(folder: Path = paths.NOTEBOOKS) -> Markdown:
    """The notebooks of the workshop with their titles and times, as links."""
    lines = []
    for notebook in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        text = "".join("".join(cell["source"]) + "\n" for cell in cells if cell["cell_type"] == "markdown")
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        duration = re.search(r"^\*\*Time:\*\* (.+)$", text, re.MULTILINE)
        lines.append(
            f"- [{notebook.stem}]({notebook.name}): {title[1] if title else notebook.stem}"
            + (f", {duration[1]}" if duration else "")
        )
    return Markdown("\n".join(lines))


def text_file(name: str, folder: Path | None = None) -> Path:
    """A text to send: one in ``texts`` beside the notebook, where a learner puts their own, else the project's."""
    here = folder or Path.cwd()
    places = [here / "texts" / name, here.parent / "texts" / name]
    return next((place for place in places if place.exists()), paths.NOTEBOOKS / "texts" / name)
