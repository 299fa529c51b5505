"""The runs that are kept under the state folder: a line for each, and the one that somebody means."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab import paths
from lab.errors import UsageError
from lab.runs.manifest import MANIFEST, SCHEMA_VERSION, STARTED, read_json
from lab.runs.reading import ACCOUNT, SUMMARY, TABLES, is_run

LAST = "last"
_SHOWN = 5


class NoSuchRunError(UsageError):
    """No kept run has this name, or nothing is left to do for it."""


class AmbiguousRunError(UsageError):
    """Several kept runs have a name that begins like this."""


@dataclass(frozen=True)
class Card:
    """What ``lab runs`` says of a run; what is not known is None.

    Attributes:
        run_id: its name, which is that of its folder.
        name: of the lab.
        made_at: when it was kept, UTC, as ISO 8601.
        rates: offered, in the order of the plan, messages a second.
        saturation: highest rate that passed.
        sent, lost: messages.
        problem: why it cannot be read; empty when it can.
    """

    run_id: str
    name: str
    folder: str
    made_at: str | None = None
    target: str | None = None
    rates: tuple[float, ...] = ()
    saturation: float | None = None
    sent: int | None = None
    lost: int | None = None
    interrupted: bool = False
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self) | {"rates": list(self.rates)}


def kept_runs(name: str | None = None) -> list[Card]:
    """The runs that are kept, newest last; of every lab, or of one. Reads a small file or two of each, no rows."""
    names = paths.lab_names() if name is None else [paths.check_name(name)]
    cards = [
        _card(folder, lab)
        for lab in names
        for folder in _folders(paths.state_root() / lab / "runs")
        if folder.is_dir() and not folder.name.startswith(".")
    ]
    return sorted(cards, key=lambda card: (card.made_at or "", card.run_id))


def _folders(place: Path) -> Sequence[Path]:
    try:
        return list(place.iterdir())
    except OSError:
        return []


def _card(folder: Path, lab: str) -> Card:
    try:
        manifest = read_json(folder / MANIFEST)
        if manifest is None:
            return _old_card(folder, lab)
        if manifest.get("schema_version") != SCHEMA_VERSION:
            return Card(folder.name, lab, str(folder), problem="written by another version of the lab")
        return _of_manifest(manifest, folder, lab)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return Card(folder.name, lab, str(folder), problem=f"damaged: {type(error).__name__}: {error}")


def _of_manifest(manifest: Mapping[str, Any], folder: Path, lab: str) -> Card:
    account = manifest.get("reconciliation") or {}
    return Card(
        run_id=str(manifest["run_id"]) or folder.name,
        name=str(manifest.get("name") or lab),
        folder=str(folder),
        made_at=manifest.get("made_at"),
        target=manifest.get("target"),
        rates=tuple(float(stage["rate"]) for stage in manifest["plan"]["stages"]),
        saturation=(manifest.get("saturation") or {}).get("rate"),
        sent=account.get("sent"),
        lost=account.get("lost"),
        interrupted=bool(manifest.get("interrupted")),
    )


def _old_card(folder: Path, lab: str) -> Card:
    """Of a run from before there were manifests: from its summary, its account and its table of stages."""
    if not is_run(folder):
        if (folder / STARTED).is_file():
            problem = f"cut off, or still under way: lab ramp --resume {folder.name}"
            return Card(folder.name, lab, str(folder), problem=problem)
        return Card(folder.name, lab, str(folder), problem="not whole: it has no table of messages")
    place = folder / TABLES if (folder / TABLES / "messages.csv").is_file() else folder
    summary = read_json(folder / SUMMARY) or {}
    account = summary.get("reconciliation") or read_json(place / ACCOUNT) or {}
    return Card(
        run_id=folder.name,
        name=lab,
        folder=str(folder),
        made_at=f"{datetime.fromtimestamp((place / 'messages.csv').stat().st_mtime, UTC):%Y-%m-%dT%H:%M:%SZ}",
        target=summary.get("target"),
        rates=_old_rates(place / "stages.csv"),
        saturation=(summary.get("saturation") or {}).get("rate"),
        sent=account.get("sent"),
        lost=account.get("lost"),
        interrupted=bool(summary.get("interrupted")),
    )


def _old_rates(file: Path) -> tuple[float, ...]:
    if not file.is_file():
        return ()
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple(float(row["offered_rate"]) for row in csv.DictReader(lines))


def find_run(wanted: str, name: str | None = None) -> Path:
    """The folder of a run.

    Args:
        wanted: ``last``, the name of a run, the beginning of one name alone, or a folder.
        name: of a lab, to look among its runs only.

    Raises:
        NoSuchRunError: nothing is called this.
        AmbiguousRunError: several are.
    """
    cards = kept_runs(name)
    if wanted == LAST:
        whole = [card for card in cards if not card.problem]
        if not whole:
            raise NoSuchRunError("There is no kept run yet.", next_step="lab ramp")
        return Path(whole[-1].folder)
    exact = [card for card in cards if card.run_id == wanted]
    # A folder counts where it is one: names of runs look like no folder that people make.
    folder = Path(wanted).expanduser()
    if not exact and is_run(folder):
        return folder
    found = exact or ([card for card in cards if card.run_id.startswith(wanted)] if wanted else [])
    if len(found) == 1:
        return Path(found[0].folder)
    if not found:
        if folder.is_dir():
            raise NoSuchRunError(
                f"The folder {folder} holds no run.",
                cause="it has neither a manifest.json nor a table of messages.",
                next_step="lab runs",
            )
        raise NoSuchRunError(
            f"There is no kept run '{wanted}', and no folder of that name.",
            cause=f"{len(cards)} runs are kept." if cards else "none is kept yet.",
            next_step="lab runs" if cards else "lab ramp",
        )
    shown = ", ".join(card.run_id for card in found[-_SHOWN:])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise AmbiguousRunError(
        f"'{wanted}' may be any of {len(found)} runs: {shown}{more}.",
        next_step="the same command with more of the name, or with the run's folder",
    )
