"""The plumbing that the notebooks keep out of sight: finding the lab, patience with AWS, following one message."""

from __future__ import annotations

import inspect
import json
import re
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from botocore.exceptions import ClientError
from IPython.display import Markdown

from lab import paths, stack
from lab.emulator import launcher
from lab.errors import LabError
from lab.observations import ExecutionLog, LogReader
from lab.session import RampResult, save_tables
from lab.stack import mapping, queues, waiting
from lab.stack.functions import package
from lab.target import Target, explain, resolve

# What AWS answers when a thing of that name is there already.
_EXISTS = (
    "EntityAlreadyExists",
    "ResourceConflictException",
    "ResourceAlreadyExistsException",
    "QueueAlreadyExists",
    "QueueNameExists",
    "StateMachineAlreadyExists",
)
_GONE = ("NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity", "ResourceNotFoundException")
_FOLLOW_DEADLINE_S = {"embedded": 60.0, "localstack": 120.0, "aws": 180.0}
_LANGUAGES = {".py": "python", ".json": "json"}
_WIDTH = 78  # what a page of 800 pixels shows in one line


class LabNotReadyError(LabError):
    """The notebook needs a lab that is not there, or not complete."""


class RefusedDefinitionError(LabError):
    """A state machine's definition that is not valid."""


class NotFollowedError(LabError):
    """A message's execution was not seen to end."""


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
    options = stack.options(target)
    if target.kind == "embedded":
        if start:
            launcher.start(target.name)
        elif launcher.find(target.name) is None:
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
    name = file.relative_to(paths.PROJECT).as_posix()
    return Markdown(f"`{name}`\n\n```{_LANGUAGES.get(file.suffix, '')}\n{file.read_text('utf-8').rstrip()}\n```")


def show_json(document: Any) -> Markdown:
    """A JSON document, given as text or as data, to read in the notebook."""
    data = json.loads(document) if isinstance(document, str) else document
    return Markdown(f"```json\n{json.dumps(data, indent=2, ensure_ascii=False)}\n```")


def create(call: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    """Make an AWS call that creates something, with patience; a thing that is there already is fine.

    New roles take some seconds to be known everywhere on AWS, and the name of a deleted queue is taken for a minute:
    in both cases the call is repeated.

    Returns:
        The answer; empty when the thing was there.
    """

    def attempt() -> dict[str, Any] | None:
        try:
            return waiting.through_propagation(lambda: call(**arguments)) or {"": None}
        except ClientError as error:
            code = waiting.error_code(error)
            if code.endswith("QueueDeletedRecently"):
                return None
            if code.endswith(_EXISTS):
                return {"": None}
            if code == "InvalidDefinition":
                raise RefusedDefinitionError(
                    f"Step Functions refuses the definition: {error.response['Error'].get('Message', '')}",
                    next_step="mend the cell that makes the definition, then run it and this one again",
                ) from None
            raise

    answer = waiting.until(
        attempt, what="the name of the deleted queue to be free again", deadline_s=queues.NAME_FREE_AGAIN_S
    )
    return {key: value for key, value in answer.items() if key}


def tell(name: str, details: Iterable[str] = ()) -> None:
    """Print that a resource is there."""
    listed = ", ".join(details)
    _print(f"{name} is there" + (f", with {listed}" if listed else ""))


def _print(text: str) -> None:
    """Print a sentence in lines that a narrow page shows without breaking words."""
    lines = textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    print(lines)  # noqa: T201 - the notebook's own output


def wait_for_mapping(names: stack.Names) -> None:
    """Return when the event source mapping polls."""
    mapping.wait_for_state(names, "Enabled")
    print("The mapping is enabled.")  # noqa: T201 - the notebook's own output


def package_of(handler: Callable[..., Any]) -> bytes:
    """A zip archive with the source of a function that was written in a notebook, as ``handler.py``."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "handler.py").write_text(inspect.getsource(handler), "utf-8")
        return package(Path(folder))


def delete(call: Callable[..., Any], **arguments: Any) -> None:
    """Make an AWS call that deletes something; a thing that is gone already is fine."""
    try:
        call(**arguments)
    except ClientError as error:
        if not waiting.error_code(error).endswith(_GONE):
            raise


def follow(
    target: Target,
    log_group: str,
    name: str,
    *,
    say: Callable[[str], None] = print,
    pause_s: float = 0.2,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a log group until the execution called ``name`` has ended, and say each state as it is left.

    Args:
        target: the lab.
        log_group: where the state machine writes its events.
        name: of the execution; the SQS message id where ``start_execution`` started it.

    Returns:
        ``executions`` (one row) and ``states`` (one row a visit of a state); the columns are in ARCHITECTURE.md.

    Raises:
        NotFollowedError: it did not end in time.
    """
    deadline = clock() + _FOLLOW_DEADLINE_S[target.kind]
    reader = LogReader(target.client("logs"), log_group, since_ms=int((time.time() - 300) * 1000))
    log = ExecutionLog()
    told = 0
    while True:
        log.add(reader.messages())
        executions, states = log.tables()
        executions = executions[executions["name"] == name].reset_index(drop=True)
        states = states[states["execution_arn"].isin(executions["execution_arn"])].reset_index(drop=True)
        left = states[states["exited"].notna() | states["error"].notna()]
        for state, error in zip(left["state"][told:], left["error"][told:], strict=True):
            say(f"  {state}" + (f": {error}" if isinstance(error, str) else ""))
        told = len(left)
        incomplete = bool(set(log.incomplete()) & set(executions["execution_arn"]))
        if len(executions) and not incomplete:
            say(executions["status"].iloc[0])
            return executions, states
        if len(executions) and executions["finished"].notna().all():
            reader.rewind()  # an event came late, behind what was read already
        if clock() > deadline:
            raise _not_followed(target, log_group, name, seen=len(executions) > 0)
        sleep(pause_s)


def _not_followed(target: Target, log_group: str, name: str, *, seen: bool) -> NotFollowedError:
    options = stack.options(target)
    if seen:
        what = f"The execution {name} started, but its last event has not come to {log_group}."
        cause = "the emulator is very busy; on AWS logs may come late, or never."
    else:
        what = f"No event of the execution {name} has come to {log_group}."
        cause = "the event source mapping is disabled, or start_execution refused the message."
    return NotFollowedError(what, cause=cause, next_step=f"lab status{options}, then run this cell again")


def find_line(
    target: Target,
    log_group: str,
    text: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """The first line of a log group that contains ``text``; waits for it, as logs come late.

    Raises:
        NotFollowedError: it did not come in time.
    """
    logs = target.client("logs")
    deadline = clock() + _FOLLOW_DEADLINE_S[target.kind]
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=log_group, filterPattern=f'"{text}"')
        for page in pages:
            for event in page["events"]:
                if text in event["message"]:  # LocalStack gives back all events, whatever the pattern
                    return str(event["message"])
        if clock() > deadline:
            raise _not_followed(target, log_group, text, seen=False)
        sleep(0.2)


def statistics_of(outputs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """``stats`` of the outputs of executions, one row an execution."""
    return pd.DataFrame([output["stats"] for output in outputs])


def keep(target: Target, result: RampResult) -> Path:
    """Write the raw rows of a run as CSV files into the lab's state folder, say where, and return that folder."""
    folder = paths.state_folder(target.name) / "runs" / result.run_id
    save_tables(result, folder)
    # Relative, because a saved notebook should not tell whose machine it was.
    _print(f"kept in runs/{result.run_id}: " + ", ".join(sorted(file.name for file in folder.iterdir())))
    return folder


def contents(folder: Path = paths.NOTEBOOKS) -> Markdown:
    """The notebooks of the workshop with their titles and times, as links."""
    lines = []
    for source in sorted((folder / "source").glob("[0-9][0-9]_*.py")):
        text = source.read_text("utf-8")
        title = re.search(r"^# # (.+)$", text, re.MULTILINE)
        duration = re.search(r"^# \*\*Time:\*\* (.+)$", text, re.MULTILINE)
        lines.append(
            f"- [{source.stem}]({source.stem}.ipynb): {title[1] if title else source.stem}"
            + (f", {duration[1]}" if duration else "")
        )
    return Markdown("\n".join(lines))


def event_table(messages: Iterable[str]) -> pd.DataFrame:
    """Execution events as a table to read.

    Args:
        messages: of the log events of one execution: the JSON text of one event each.

    Returns:
        One row an event, in their order: ``id``, ``type``, ``state`` (only where a state is entered or left), and
        ``after_s``, seconds since the first one.
    """
    events = sorted((json.loads(message) for message in messages), key=lambda event: int(event["id"]))
    # LocalStack writes ISO-8601, AWS epoch milliseconds.
    instants = [
        pd.Timestamp(int(stamp), unit="ms", tz="UTC") if stamp.isdigit() else pd.Timestamp(stamp).tz_convert("UTC")
        for stamp in (str(event["event_timestamp"]) for event in events)
    ]
    return pd.DataFrame(
        {
            "id": [int(event["id"]) for event in events],
            "type": [event["type"] for event in events],
            "state": [(event.get("details") or {}).get("name", "") for event in events],
            "after_s": [(instant - instants[0]).total_seconds() for instant in instants],
        }
    )
