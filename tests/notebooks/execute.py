"""Builds every notebook from its source, and executes the solved ones from a clean kernel: ``make notebooks``.

All of it happens in an embedded lab of its own, which starts empty and is thrown away.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from lab import charts, stack, target  # noqa: F401 - charts: the font cache is made before a notebook could tell of it
from lab.emulator import launcher
from tests.notebooks import authoring
from tests.notebooks.authoring import Edition
from tests.ports import free_port

CELL_TIMEOUT_S = 300
# Notebooks that need nothing to be there.
STARTS_EMPTY = ("00", "01", "99")


@contextmanager
def empty_lab() -> Iterator[dict[str, str]]:
    """An embedded lab that starts empty; gives the environment that leads a kernel to it.

    It has the usual name, which appears in outputs, in a state folder of its own: the learner's lab is not touched.
    """
    with tempfile.TemporaryDirectory(prefix="express-lab-notebooks-") as folder:
        environment = {"LAB_STATE_DIR": folder, "LAB_TARGET": "embedded", "LAB_NAME": target.DEFAULT_NAME}
        with in_environment(environment):
            launcher.start(target.DEFAULT_NAME, port=free_port(), owned=True)
        try:
            yield environment
        finally:
            with in_environment(environment):
                launcher.stop(target.DEFAULT_NAME)


@contextmanager
def in_environment(variables: dict[str, str]) -> Iterator[None]:
    """``variables`` in the environment of this process, and so of each kernel that it starts meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def prepare(path: Path) -> None:
    """Make what a notebook needs, where the one before it was not run."""
    if not path.stem.startswith(STARTS_EMPTY) and stack.missing(target.resolve()):
        stack.provision(target.resolve())


def execute(edition: Edition) -> nbformat.NotebookNode:
    """The notebook with the outputs of a clean kernel, fit to be committed."""
    notebook = authoring.build(edition)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=40"],  # it warns that it talks over TCP on this machine
        resources={"metadata": {"path": str(edition.source.parent)}},
    )
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # the kernel's has its version
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    return notebook


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Stream outputs that follow each other as one: how they are cut depends on time alone."""
    kept: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = kept[-1] if kept else None
        if last is not None and last.output_type == output.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            kept.append(output)
    return kept


def keep_what_is_alike(new: nbformat.NotebookNode, path: Path) -> None:
    """Take over outputs of the committed notebook that differ in ids and durations only, to make no noise."""
    if not path.exists():
        return
    old = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    for cell in new.cells:
        before = old.get(cell.id)
        if (
            cell.cell_type == "code"
            and before is not None
            and authoring.VARIES not in cell.metadata.get("tags", ())
            and authoring.sanitized(cell) == authoring.sanitized(before)
            and not _pictures(cell)
        ):
            cell.outputs = before.outputs
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count  # cells may have come and gone above it


def _pictures(cell: nbformat.NotebookNode) -> bool:
    return any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {}))


def main(wanted: list[str]) -> int:
    """Write all notebooks, or those whose number or name starts with one of ``wanted``."""
    chosen = [
        edition
        for edition in authoring.editions()
        if not wanted or any(edition.source.stem.startswith(prefix) for prefix in wanted)
    ]
    with empty_lab() as environment, in_environment(environment):
        for edition in chosen:
            if not edition.solved:
                nbformat.write(authoring.build(edition), edition.path)
                continue
            prepare(edition.path)
            began = time.perf_counter()
            try:
                notebook = execute(edition)
            except CellExecutionError as error:
                print(f"{edition.name} failed:\n{error}", file=sys.stderr)  # noqa: T201
                return 1
            keep_what_is_alike(notebook, edition.path)
            edition.path.parent.mkdir(exist_ok=True)
            nbformat.write(notebook, edition.path)
            print(f"{edition.name}: {time.perf_counter() - began:.1f} s", flush=True)  # noqa: T201
            for complaint in authoring.complaints(edition):
                print(f"  {complaint}", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
