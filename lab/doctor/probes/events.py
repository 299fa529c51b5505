"""EventBridge: a rule that starts a state machine."""

from __future__ import annotations

import json

from lab.doctor.probes.place import DEADLINE_S, Place
from lab.stack import documents, roles, waiting


def event_rule(place: Place) -> str:
    events, states, names = place.client("events"), place.client("stepfunctions"), place.names
    arn = f"{names.state_machine_arn.rsplit(':', 1)[0]}:{names.prefix}-standard"
    rule, role = f"{names.prefix}-rule", roles.Role(f"{names.prefix}-rule", "events.amazonaws.com", ())
    place.clean_up.append(lambda: roles.delete_role(names, role.name))
    roles.ensure(names, role)
    start = documents.policy("start_executions", names.substitutions | {"StateMachineArn": arn})
    place.client("iam").put_role_policy(RoleName=role.name, PolicyName="start_executions", PolicyDocument=start)
    place.clean_up.append(lambda: events.delete_rule(Name=rule))
    place.clean_up.append(lambda: events.remove_targets(Rule=rule, Ids=["machine"]))
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [names.prefix]}))
    target = {"Id": "machine", "Arn": arn, "RoleArn": names.role_arn(role.name)}
    events.put_targets(Rule=rule, Targets=[target])
    before = len(states.list_executions(stateMachineArn=arn)["executions"])
    events.put_events(Entries=[{"Source": names.prefix, "DetailType": "probe", "Detail": "{}"}])
    waiting.until(
        lambda: len(states.list_executions(stateMachineArn=arn)["executions"]) > before,
        what="the rule to start the state machine",
        deadline_s=DEADLINE_S,
    )
    return "an event started a state machine"
