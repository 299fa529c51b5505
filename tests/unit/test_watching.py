"""`lab watch`: which state machines it can read, what it says of the others, and what it makes of what it reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab import session
from lab.errors import LabError
from lab.observe import ExecutionLog, JourneyLog
from lab.session import machines, watching
from lab.target import Target
from tests.unit.aws_stand_in import Account
from tests.unit.test_journeys import MAPPED, without

ME = "123456789012"
ARN = f"arn:aws:states:us-east-1:{ME}:stateMachine:mine"
GROUP = f"arn:aws:logs:us-east-1:{ME}:log-group:/aws/vendedlogs/states/mine:*"
DESCRIBE = "stepfunctions.DescribeStateMachine"


def described(
    level: str = "ALL", group: str | None = GROUP, *, data: bool = True, kind: str = "EXPRESS"
) -> dict[str, Any]:
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}] if group else []
    return {
        "stateMachineArn": ARN,
        "name": "mine",
        "type": kind,
        "definition": json.dumps(MAPPED),
        "loggingConfiguration": {"level": level, "includeExecutionData": data, "destinations": destinations},
    }


def refused(target: Target, arn: str = ARN) -> LabError:
    with pytest.raises(LabError) as caught:
        session.watch_machine(target, arn)
    return caught.value


@pytest.mark.parametrize(
    "arn",
    ["mine", f"arn:aws:states:us-east-1:{ME}:execution:mine:one", f"arn:aws:sqs:us-east-1:{ME}:mine", ARN[:-5], ""],
)
def test_what_is_no_arn_of_a_state_machine_is_refused_before_anything_is_asked(
    account: Account, target: Target, arn: str
) -> None:
    assert isinstance(refused(target, arn), machines.StateMachineArnError)
    assert DESCRIBE not in account.calls


@pytest.mark.parametrize("arn", [ARN.replace("us-east-1", "eu-west-1"), ARN.replace(ME, "999999999999")])
def test_one_of_another_account_or_region_is_refused(target: Target, arn: str) -> None:
    error = refused(target, arn)
    assert isinstance(error, machines.StateMachineArnError)
    assert arn.split(":")[4] in error.what


def test_one_that_is_not_there_is_named_with_those_that_are(account: Account, target: Target) -> None:
    account.fail(DESCRIBE, "StateMachineDoesNotExist")
    account.answer("stepfunctions.ListStateMachines", {"stateMachines": [{"stateMachineArn": f"{ARN}2"}]})
    error = refused(target)
    assert isinstance(error, machines.NoStateMachineError)
    assert f"{ARN}2" in error.cause
    assert error.next_step.startswith(f"lab watch --state-machine {ARN}2")


@pytest.mark.parametrize(
    ("level", "group", "said"),
    [("OFF", None, "logs nothing"), ("ERROR", GROUP, "at level ERROR"), ("FATAL", GROUP, "at level FATAL")],
)
def test_a_log_that_does_not_tell_is_said_with_the_command_that_changes_it(
    account: Account, target: Target, level: str, group: str | None, said: str
) -> None:
    account.answer(DESCRIBE, described(level, group))
    error = refused(target)
    assert isinstance(error, machines.NotLoggedError)
    assert said in error.what
    assert "cannot be known" in error.what
    assert f"lab watch --state-machine {ARN} --log-all --target aws" in error.next_step


@pytest.mark.parametrize("elsewhere", [GROUP.replace("us-east-1", "eu-west-1"), GROUP.replace(ME, "999999999999")])
def test_a_log_group_elsewhere_is_said(account: Account, target: Target, elsewhere: str) -> None:
    account.answer(DESCRIBE, described(group=elsewhere))
    error = refused(target)
    assert isinstance(error, machines.LogGroupElsewhereError)
    assert "/aws/vendedlogs/states/mine" in error.what


def test_a_log_group_that_was_deleted_is_said(account: Account, target: Target) -> None:
    account.answer(DESCRIBE, described())
    error = refused(target)
    assert isinstance(error, machines.LogGroupElsewhereError)
    assert "no such log group" in error.what


def test_an_empty_log_says_that_nothing_began(account: Account, target: Target) -> None:
    account.answer(DESCRIBE, described())
    target.client("logs").create_log_group(logGroupName="/aws/vendedlogs/states/mine")
    assert isinstance(refused(target), watching.NothingSeenError)


def test_log_all_sets_the_level_and_makes_the_group(account: Account, target: Target) -> None:
    account.answer(DESCRIBE, described("OFF", None, data=False))
    account.answer("stepfunctions.UpdateStateMachine", {})
    machine = machines.find_machine(target, ARN, log_all=True)
    assert (machine.log_group, machine.has_data) == ("/aws/vendedlogs/states/mine", True)
    (update,) = [each for each in account.parameters if each["call"] == "stepfunctions.UpdateStateMachine"]
    assert update["loggingConfiguration"]["level"] == "ALL"
    groups = target.client("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/aws/vendedlogs/states/mine"]


def test_log_all_changes_nothing_where_all_is_logged(account: Account, target: Target) -> None:
    account.answer(DESCRIBE, described())
    machines.find_machine(target, ARN, log_all=True)
    assert "stepfunctions.UpdateStateMachine" not in account.calls


def worked_out(messages: list[str], *, has_data: bool = True) -> watching.Watched:
    """What `lab watch` makes of these events, of a machine that has the name in their ARN."""
    name = json.loads(messages[0])["execution_arn"].split(":")[6]
    machine = machines.Machine(ARN, name, "EXPRESS", MAPPED, "group", has_data)
    log, journeys = ExecutionLog(), JourneyLog()
    log.add(messages)
    journeys.add(messages)
    return watching._work_out(machine, log, journeys, 60.0, False)


def test_a_whole_log_accounts_for_every_visit(recorded: dict[str, list[str]]) -> None:
    result = worked_out(recorded["mapped"])
    assert result.holds
    assert any("8 visits of 4 states = 8 left; every one is accounted for." in line for line in result.sentences())


def test_a_log_with_a_gap_does_not(recorded: dict[str, list[str]]) -> None:
    result = worked_out(without(recorded["mapped"], lambda seen: seen.get("details", {}).get("name") == "Last"))
    assert not result.holds
    assert any(line.startswith('Missing: "Last"') for line in result.sentences())
    assert len(result.incomplete) == 1


def test_other_machines_of_the_group_and_what_began_before_are_left_out(recorded: dict[str, list[str]]) -> None:
    other = [message.replace(":express:", ":express:other-") for message in recorded["mapped"]]
    began_before = [message.replace(":express:", ":express:") for message in recorded["mapped"]][3:]
    began_before = [
        json.dumps({**json.loads(m), "execution_arn": json.loads(m)["execution_arn"] + "x"}) for m in began_before
    ]
    result = worked_out([*recorded["mapped"], *other, *began_before])
    assert (len(result.executions), result.before) == (1, 1)
    assert result.holds


def test_without_execution_data_it_says_what_cannot_be_known(recorded: dict[str, list[str]]) -> None:
    assert any("cannot be known" in line for line in worked_out(recorded["mapped"], has_data=False).sentences())


def test_what_is_written_can_be_read(recorded: dict[str, list[str]], target: Target, tmp_path: Path) -> None:
    result = worked_out(recorded["mapped"])
    contents = session.write_watched(target, result, tmp_path)
    assert json.loads((tmp_path / "watched.json").read_text("utf-8"))["watched"]["accounted_for"] is True
    assert contents["watched"]["executions"] == {"SUCCEEDED": 1}
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Every visit is accounted for." in page
    assert "1 execution, 8 visits of states" in page
    assert re.search(r"It took [\d,]+ ms\.", page)
    linked = re.findall(r'href="#([\w-]+)"', page.split("<nav")[1].split("</nav>")[0])
    assert "visits" in linked
    assert linked == [place for place in re.findall(r'<section[^>]* id="([\w-]+)"', page) if place in linked]
    assert "nan" not in page.split("<h2>Charts</h2>")[0].split("<body")[1]
    for chart in ("state_machine", "times_of_states", "waterfall"):
        assert (tmp_path / f"{chart}.png").stat().st_size > 5_000
    assert (tmp_path / "tables" / "visits.csv").read_text("utf-8").count("\n") == 9
