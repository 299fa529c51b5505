"""Reads a run back from its folder, whichever version of the lab has written it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from lab.analysis.latency import stage_table, state_durations
from lab.analysis.saturation import Saturation, find_saturation
from lab.analysis.words import count_words, text_statistics
from lab.errors import UsageError
from lab.runs.manifest import MANIFEST, SCHEMA_VERSION, read_json
from lab.runs.tables import empty_table, read_table

SUMMARY, ACCOUNT, TABLES = "summary.json", "reconciliation.json", "tables"


class UnreadableRunError(UsageError):
    """A folder that holds no run, or one that is damaged."""


@dataclass(frozen=True)
class Account:
    """The account of a kept run: how many messages there were of each kind; the keys are those of summary.json."""

    counts: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, and nothing came out that was not sent."""
        return not self.counts.get("lost") and not self.counts.get("unexpected")

    def as_dict(self) -> dict[str, int]:
        """The counts."""
        return dict(self.counts)


@dataclass(frozen=True)
class KeptRun:
    """A run as it was kept; what it has of a ``RampResult`` has the same name. The tables are ARCHITECTURE.md's.

    Attributes:
        folder: where it lies.
        manifest: what was written of it; empty for a run of before there were manifests.
        summary: the contents of its summary.json; empty when it has none.
    """

    messages: pd.DataFrame = field(repr=False)
    stages: pd.DataFrame = field(repr=False)
    saturation: Saturation
    folder: Path = field(default_factory=Path)
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    summary: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def run_id(self) -> str:
        """What every ``lab_id`` of the run begins with."""
        known = self.manifest.get("run_id")
        if isinstance(known, str) and known:
            return known
        first = self.messages["lab_id"].iloc[0] if len(self.messages) else None
        return first.rpartition("-")[0] if isinstance(first, str) else self.folder.name

    def table(self, name: str) -> pd.DataFrame:
        """Any table of the run; without rows, where it has none of this name.

        Raises:
            UnreadableRunError: there is one, and it cannot be read.
        """
        if name in ("messages", "stages"):
            return self.messages if name == "messages" else self.stages
        found = _table(self.folder, self.manifest, name)
        return empty_table(name) if found is None else found

    @cached_property
    def sends(self) -> pd.DataFrame:
        """The table ``sends``."""
        return self.table("sends")

    @cached_property
    def received(self) -> pd.DataFrame:
        """The table ``received``."""
        return self.table("received")

    @cached_property
    def executions(self) -> pd.DataFrame:
        """The table ``executions``."""
        return self.table("executions")

    @cached_property
    def states(self) -> pd.DataFrame:
        """The table ``states``."""
        return self.table("states")

    @cached_property
    def word_counts(self) -> pd.DataFrame:
        """The words that came out, counted anew."""
        return count_words(self.executions)

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """The statistics of the texts, collected anew."""
        return text_statistics(self.executions)

    @cached_property
    def state_times(self) -> pd.DataFrame:
        """How long each state took at each rate."""
        return state_durations(self.states, self.messages)

    @cached_property
    def reconciliation(self) -> Account:
        """The account; without counts where none was kept."""
        kept = self.summary.get("reconciliation") or self.manifest.get("reconciliation") or _old_account(self.folder)
        return Account({key: int(value) for key, value in kept.items() if isinstance(value, int)})

    @property
    def drained(self) -> bool:
        """Whether every message had come to an end; taken for granted where nothing was written of it."""
        return bool(self.manifest.get("drained", True))

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped early; taken for not so where nothing was written of it."""
        return bool(self.manifest.get("interrupted", self.summary.get("interrupted", False)))


def is_run(folder: Path) -> bool:
    """Whether there is something in this folder that :func:`read_run` would try to read."""
    return any((folder / part).is_file() for part in (MANIFEST, "messages.csv", f"{TABLES}/messages.csv"))


def read_run(folder: Path) -> KeptRun:
    """Read a run: a folder of ``lab ramp``, of ``lab demo`` or of the notebooks, old or new.

    Saturation is found anew from the rows. Tables other than ``messages`` and ``stages`` are read when asked for.

    Raises:
        UnreadableRunError: there is no run in it, or it is damaged, or of a newer version of the lab.
    """
    try:
        manifest = read_json(folder / MANIFEST) or {}
        summary = read_json(folder / SUMMARY) or {}
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error
    if manifest and manifest.get("schema_version") != SCHEMA_VERSION:
        raise UnreadableRunError(
            f"The run in {folder} is of format {manifest.get('schema_version')}, and this lab reads {SCHEMA_VERSION}.",
            cause="a newer version of the lab has written it.",
            next_step="git pull && make install, then the same command again",
        )
    messages = _table(folder, manifest, "messages")
    if messages is None:
        raise UnreadableRunError(
            f"There is no run in {folder}: it has no table of messages.",
            cause="it is another kind of folder, or files of it were removed.",
            next_step="lab runs",
        )
    stages = _table(folder, manifest, "stages")
    try:
        stages = stage_table(messages) if stages is None else stages
        saturation = find_saturation(messages, stages)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(folder, error) from error
    return KeptRun(messages, stages, saturation, folder, manifest, summary)


def _table(folder: Path, manifest: Mapping[str, Any], name: str) -> pd.DataFrame | None:
    described = (manifest.get("tables") or {}).get(name) or {}
    places = [described["file"]] if "file" in described else [f"{TABLES}/{name}.csv", f"{name}.csv"]
    for place in places:
        file = folder / place
        if not file.resolve().is_relative_to(folder.resolve()):
            raise _damaged(folder, ValueError(f"{place} is not in the folder"))
        try:
            return read_table(file, described.get("columns"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # pandas' errors of reading are ValueErrors
            raise _damaged(folder, error) from error
    return None


def _old_account(folder: Path) -> dict[str, Any]:
    for place in (folder / TABLES, folder):
        try:
            if found := read_json(place / ACCOUNT):
                return found
        except (OSError, ValueError) as error:
            raise _damaged(folder, error) from error
    return {}


def _damaged(folder: Path, error: Exception) -> UnreadableRunError:
    return UnreadableRunError(
        f"The run in {folder} cannot be read ({type(error).__name__}: {error}).",
        cause="a file of it was changed or cut short after the lab had written it.",
        next_step="lab runs",
    )
