# %% [markdown]
# # Express or Standard
#
# **Time:** 45 minutes
#
# So far every workflow was of the kind Express, because the sample's is. Step Functions has a second kind, Standard, and
# an Express Workflow can be started in two ways. The definition is the same for all three; what they promise is not.
# After this notebook you
#
# - know what “at least once”, “at most once” and “exactly once” promise, and what each of them leaves to you,
# - can look an execution up: in the history of a Standard Workflow, in the log of an Express one,
# - know how soon each way answers, and from which duration on which kind is cheaper,
# - can go on with a failed execution from the state that failed.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **kind** (AWS says *type*) | Express or Standard; chosen when a state machine is made, and never changed |
# | **asynchronous start** | the call answers when the execution has begun |
# | **synchronous start** | the call answers when the execution has ended, with its result; Express only |
# | **at least once** | it runs; in rare cases it is started again from the beginning |
# | **at most once** | nobody starts it again; when it breaks, the caller is told, or hears nothing |
# | **exactly once** | no state runs twice, if its `Retry` does not say so |
# | **idempotent** | to call it again changes nothing more |
# | **SDK** | the library through which a program calls AWS; in Python that is boto3 |
# | **history** | the events of a Standard execution, kept by Step Functions for 90 days after its end |
# | **to redrive** an execution | to go on with it at the state that failed (in notebook 06 dead letters were redriven) |

# %%
import contextlib
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from botocore.exceptions import ClientError, ReadTimeoutError
from lab import charts, stack, workshop
from lab.analysis import cost, latency
from lab.load import messages
from lab.stack import documents, exercises, tags
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %%
workflows = here.client("stepfunctions")
functions = here.client("lambda")
logs = here.client("logs")

# %% [markdown]
# ## Predict
#
# - A caller starts an execution, and the answer is lost on its way back. So it calls again, under the same name. How
#   many executions are there in the end: of a Standard Workflow, of an asynchronous Express Workflow?
# - A caller waits for a synchronous execution of three seconds, gives up after one, and its SDK tries a second time.
#   How many executions?
# - Which of the three ways answers last: `"Asynchronous Express"`, `"Synchronous Express"` or `"Standard"`?
# - A million executions of four states, each a tenth of a second long: how many times the price of Express is the
#   price of Standard? Leave the logs out.
# - A failed Standard execution is redriven. How many of its four states run again, when the third one failed?

# %%
# BEGIN SOLUTION
workshop.predict("Standard executions of a name started twice", 1)
workshop.predict("Express executions of a name started twice", 1)
workshop.predict("executions of a caller that gave up", 1)
workshop.predict("the way that answers last", "Standard")
workshop.predict("times the price of Express", 25)
workshop.predict("states that run again", 4)
# INSTEAD
# workshop.predict("Standard executions of a name started twice", ...)
# workshop.predict("Express executions of a name started twice", ...)
# workshop.predict("executions of a caller that gave up", ...)
# workshop.predict("the way that answers last", ...)
# workshop.predict("times the price of Express", ...)
# workshop.predict("states that run again", ...)
# END SOLUTION

# %% [markdown]
# ## Run: one definition, two kinds
#
# The definition is that of notebook 01, to the letter. When you run this notebook a second time, the first line
# removes what the first time left. Express Workflows get a log group, since they keep no other record of an execution.

# %%
exercises.delete(names)
definition = documents.definition("text_processing", names.substitutions)
log_group = f"/aws/vendedlogs/states/{exercises.name(names, 'express')}"
workshop.create(
    logs.create_log_group,
    logGroupName=log_group,
    tags=tags.as_mapping(here.name),
)
logs.put_retention_policy(logGroupName=log_group, retentionInDays=7)
destination = {
    "cloudWatchLogsLogGroup": {"logGroupArn": names.log_group_arn(log_group)}
}
logging = {
    "level": "ALL",
    "includeExecutionData": True,
    "destinations": [destination],
}


# %%
def make(name, kind, definition):
    """Make a state machine, and give its ARN."""
    logged = {"loggingConfiguration": logging} if kind == "EXPRESS" else {}
    workshop.create(
        workflows.create_state_machine,
        name=exercises.name(names, name),
        type=kind,
        definition=json.dumps(definition),
        roleArn=names.role_arn(names.workflow_role),
        tags=tags.as_pairs(here.name, key="key", value="value"),
        **logged,
    )
    return exercises.state_machine_arn(names, name)


express = make("express", "EXPRESS", definition)
standard = make("standard", "STANDARD", definition)

# %% [markdown]
# Two machines, and three ways to start one:

# %%
ways = {
    "Asynchronous Express": (workflows.start_execution, express),
    "Synchronous Express": (workflows.start_sync_execution, express),
    "Standard": (workflows.start_execution, standard),
}


def start(way, name):
    call, arn = ways[way]
    return call(stateMachineArn=arn, name=name, input=messages.SAMPLE_BODY)


# %% [markdown]
# Why no synchronous Standard? Try it. And who is asked afterwards about an Express execution? The next cell makes
# calls that one kind knows and the other does not, and shows the name of each refusal.


# %%
run = uuid.uuid4().hex[:8]
an_express_one = start("Asynchronous Express", f"{run}-first")
arn = an_express_one["executionArn"]


def refusal(call, **request):
    try:
        call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "answered"


# %%
pd.Series(
    {
        "StartSyncExecution, Standard": refusal(
            workflows.start_sync_execution, stateMachineArn=standard
        ),
        "ListExecutions, Express": refusal(
            workflows.list_executions, stateMachineArn=express
        ),
        "DescribeExecution, Express": refusal(
            workflows.describe_execution, executionArn=arn
        ),
        "GetExecutionHistory, Express": refusal(
            workflows.get_execution_history, executionArn=arn
        ),
        "StopExecution, Express": refusal(
            workflows.stop_execution, executionArn=arn
        ),
    }
).to_frame("refused with")

# %% [markdown]
# So nobody can list Express executions, ask for one, or stop one. It is started, and then it is on its own, for five
# minutes at most. A Standard Workflow may run for a year.

# %% [markdown]
# ## Run: the same name twice
#
# `run` is a new name for each run of this page. The name of a Standard execution is taken for as long as its history
# is kept, and on AWS that is 90 days.
#
# First the details, with a Standard Workflow that is slow: it waits before it does anything.


# %%
def waiting_first(seconds):
    """The same definition, with a state before all others that waits."""
    wait = {
        "Type": "Wait",
        "Seconds": seconds,
        "Next": definition["StartAt"],
    }
    states = {"Wait": wait, **definition["States"]}
    return {**definition, "StartAt": "Wait", "States": states}


slow_standard = make("standard-slow", "STANDARD", waiting_first(300))
order = {
    "stateMachineArn": slow_standard,
    "name": f"{run}-order",
    "input": messages.SAMPLE_BODY,
}
first = workflows.start_execution(**order)
second = workflows.start_execution(**order)

# %%
self_checks.answer(
    "while it runs, the second call gets the answer of the first one",
    expected=(first["executionArn"], first["startDate"]),
    observed=(second["executionArn"], second["startDate"]),
    look_at="first, and second",
)

# %% [markdown]
# The caller cannot tell the two answers apart. That is what *idempotent* means: who is not sure calls again. The name
# alone is not enough, though. Another input under the same name is another order, and is refused. Then end the execution
# (it would wait for five minutes), and call a third time:

# %%
other = refusal(workflows.start_execution, **{**order, "input": "{}"})
workflows.stop_execution(executionArn=first["executionArn"])
ended = workshop.wait_for_end(here, first["executionArn"])
late = refusal(workflows.start_execution, **order)
print("another input:   ", other)
print("the execution is ", ended["status"])
print("after its end:   ", late)

# %%
self_checks.answer(
    "after its end the name is refused, whatever the input is",
    expected=["ExecutionAlreadyExists"] * 2,
    observed=[other, late],
    look_at="order, and ended",
)

# %% [markdown]
# ## Run: ten orders, and every answer lost
#
# Now all three ways, on the fast machines. This caller never sees an answer, so it calls twice for each of ten orders.
# From a Standard Workflow it may hear that the execution exists: then all is well.


# %%
def name_of(way, order):
    return f"{run}-{way.split()[0]}-{order}"


def start_twice(way, name):
    start(way, name)  # the answer is lost
    with contextlib.suppress(workflows.exceptions.ExecutionAlreadyExists):
        start(way, name)


orders = [f"order-{number}" for number in range(10)]
for way in ways:
    for order_name in orders:
        start_twice(way, name_of(way, order_name))

# %% [markdown]
# Count what was executed: of Express in the log, of Standard with `ListExecutions`.

# %%
express_names = [
    name_of(way, order_name)
    for way in ("Asynchronous Express", "Synchronous Express")
    for order_name in orders
]
logged, _ = workshop.logged_executions(here, log_group, express_names, 40)
listed = workshop.listed_executions(here, standard)
executed = pd.concat([logged["name"], listed["name"]])
executions_of = {
    way: int(executed.isin([name_of(way, one) for one in orders]).sum())
    for way in ways
}
pd.Series(executions_of).to_frame("executions of ten orders")

# %%
self_checks.answer(
    "Express made two of each order, Standard one",
    expected=[20, 20, 10],
    observed=list(executions_of.values()),
    look_at="logged, and listed",
)
workshop.compare("Standard executions of a name started twice", 1)
workshop.compare("Express executions of a name started twice", 2)

# %% [markdown]
# Had each execution sent a parcel, the twenty customers of the two Express ways would have got two each. To Express a
# name is a word in the log, and nothing more.
#
# ## Run: a caller that gives up
#
# The synchronous start promises *at most once*. Is that not what you need? An Express Workflow that waits three
# seconds, and a client that waits one. boto3 calls again by itself when nobody answers, up to a number of attempts.

# %%
slow_express = make("express-slow", "EXPRESS", waiting_first(3))


def give_up(attempts, name):
    """Wait a second for each attempt."""
    impatient = here.client(
        "stepfunctions", read_timeout_s=1, attempts=attempts
    )
    try:
        impatient.start_sync_execution(
            stateMachineArn=slow_express,
            name=name,
            input=messages.SAMPLE_BODY,
        )
    except ReadTimeoutError:
        return "no answer"
    return "an answer"


print("two attempts:", give_up(2, f"{run}-again"))
print("one attempt: ", give_up(1, f"{run}-alone"))

# %%
gave_up, _ = workshop.logged_executions(
    here, log_group, [f"{run}-again", f"{run}-alone"], 3
)
counted = gave_up["name"].str.removeprefix(f"{run}-").value_counts()
counted[["again", "alone"]].to_frame("executions")

# %%
self_checks.answer(
    "two attempts are two executions, and all of them succeeded",
    expected=([2, 1], {"SUCCEEDED"}),
    observed=(counted[["again", "alone"]].tolist(), set(gave_up["status"])),
    look_at="gave_up, the table",
)
workshop.compare("executions of a caller that gave up", 2)

# %% [markdown]
# The caller heard nothing, and the work was done: once, or twice. “At most once” is a promise of Step Functions: *it*
# does not start an execution again. It cannot know that your second call means the first one. So a client of
# a synchronous workflow has to wait for longer than the workflow takes, and to make one attempt. (boto3 waits for 60
# seconds, if you do not say otherwise, and an Express Workflow may take five minutes.) And then it must live with not
# knowing.
#
# ## Read the result: three promises
#
# | | asynchronous Express | synchronous Express | Standard |
# |---|---|---|---|
# | AWS promises | at least once | at most once | exactly once |
# | between two states | nothing is kept | nothing is kept | the state is written down |
# | Step Functions itself fails | may begin again with the first state | does not begin again | goes on where it was |
# | you call twice, same name | two executions | two executions | one |
# | it fails | nobody is told: `Catch`, or the log | the caller is told | it stays in the list, and can be redriven |
# | your part | effects that may take place twice | what becomes of no answer | a name for each order |
#
# The third line cannot be forced here: it is about failures inside AWS, and they are rare. They are the reason for “at
# least once” all the same. In notebook 06 you saw the cure, an effect under a name of its own.

# %% [markdown]
# ## Run: side by side
#
# How soon does each way answer, and how long does the execution take? One start every quarter of a second, each way in
# its turn, by a plan, so that a slow answer does not hold up the next start (notebook 04).

# %%
begin = time.monotonic() + 0.5
turns = [(way, number) for number in range(12) for way in ways]


def measure(place):
    way, number = turns[place]
    due = begin + 0.25 * place
    time.sleep(max(due - time.monotonic(), 0))
    answer = start(way, name_of(way, f"timed-{number}"))
    return {
        "way": way,
        "name": name_of(way, f"timed-{number}"),
        "answered_s": time.monotonic() - due,
        "execution_arn": answer["executionArn"],
    }


with ThreadPoolExecutor(len(turns)) as pool:
    calls = pd.DataFrame(pool.map(measure, range(len(turns))))

# %% [markdown]
# The durations are those of the service's own clock: from `DescribeExecution` for Standard, from the log for Express.

# %%
is_standard = calls["way"] == "Standard"
timed, _ = workshop.logged_executions(
    here, log_group, calls.loc[~is_standard, "name"], 24
)
durations = dict(zip(timed["execution_arn"], timed["duration_s"], strict=True))
for arn in calls.loc[is_standard, "execution_arn"]:
    end = workshop.wait_for_end(here, arn)
    durations[arn] = (end["stopDate"] - end["startDate"]).total_seconds()
calls["duration_s"] = calls["execution_arn"].map(durations)

# %% tags=["nbval-ignore-output"]
columns = ["answered_s", "duration_s"]
middle = calls.groupby("way", sort=False)[columns].agg(
    lambda values: latency.quantile(values, 0.5) * 1000
)
middle.round(1).set_axis(["answered, p50 ms", "duration, p50 ms"], axis=1)

# %%
waited = calls[calls["way"] == "Synchronous Express"]
self_checks.answer(
    "each of 36 executions has ended",
    expected=36,
    observed=int(calls["duration_s"].notna().sum()),
    look_at="calls, the table",
)
self_checks.answer(
    "a synchronous call answers no sooner than its execution has ended",
    expected=True,
    observed=bool((waited["answered_s"] > waited["duration_s"] - 0.002).all()),
    look_at="waited, the table",
)

# %% tags=["nbval-ignore-output"]
charts.starts(calls)

# %% tags=["nbval-ignore-output"]
last = middle["answered_s"].idxmax()
workshop.compare("the way that answers last", last)

# %%
self_checks.answer(
    "it is the synchronous one",
    expected="Synchronous Express",
    observed=last,
    look_at="middle. If another way was held up, this machine was busy: "
    "run the cells again, from the one with “begin” on",
)

# %% [markdown]
# Read the durations with care: on your machine the same code of LocalStack runs both kinds, so they take the same time.
# On AWS a Standard Workflow writes its state down between any two states, which takes time. How much? Only a run with
# the target `aws` tells.
#
# ## Read the result: history and log
#
# Where do you look an execution up? A Standard Workflow is asked for its history:

# %%
standard_one = listed.loc[
    listed["name"] == name_of("Standard", orders[0]), "execution_arn"
].iloc[0]
history = workflows.get_execution_history(
    executionArn=standard_one, maxResults=1000
)["events"]
table = workshop.history_table(history)
table[["id", "type", "state"]].head(7)

# %% [markdown]
# And this is the log of the first Express execution:

# %%
_, lines = workshop.logged_executions(here, log_group, [f"{run}-first"], 1)
in_log = workshop.event_table(lines)
in_log[["id", "type", "state"]].head(7)

# %%
self_checks.answer(
    "the same 22 events, in the same order",
    expected=in_log["type"].tolist(),
    observed=table["type"].tolist(),
    look_at="table, and in_log",
)

# %% [markdown]
# The same events, and yet not the same thing:
#
# - The history is part of the service: complete, free of charge, and kept for 90 days. It has an end: after 25,000 events
#   an execution fails.
# - The log is a copy for you. AWS delivers it *as well as it can*: late, or in rare cases never. You pay for each byte,
#   and you keep it for as long as you like. With it you can search many executions at once.
#
# A Standard Workflow may write a log, too. It needs none.

# %% [markdown]
# ## Read the result: what each of them costs
#
# Express is paid by starts, time and memory, Standard by *transitions*: each time a state is entered, and again for
# each retry. Take both numbers from what you have just run, for a million executions:

# %%
transitions = int(table["type"].str.endswith("StateEntered").sum())
log_bytes = sum(len(line.encode()) + 26 for line in lines)
million = 1_000_000
print(transitions, "states entered")

# %% tags=["nbval-ignore-output"]
prices = {
    "Express, without logs": cost.express_usd(0.1),
    "Express, with all logs": cost.express_usd(0.1, log_bytes=log_bytes),
    "Standard": cost.standard_usd(transitions),
}
print(f"{log_bytes:,} bytes of log for one execution")
(pd.Series(prices) * million).round(2).to_frame("USD for a million")

# %%
self_checks.answer(
    "Express costs least, with its logs more, and Standard most",
    expected=list(prices),
    observed=sorted(prices, key=prices.get),
    look_at="prices",
)
times = cost.standard_usd(transitions) / cost.express_usd(0.1)
workshop.compare("times the price of Express", times)

# %% [markdown]
# So short executions are for Express. But its price grows with the time, and that of Standard does not. Where do they
# meet?

# %% tags=["nbval-ignore-output"]
charts.express_or_standard(transitions, log_bytes=log_bytes)

# %%
without = round(cost.break_even_s(transitions), -1)
with_logs = round(cost.break_even_s(transitions, log_bytes=log_bytes), -1)
self_checks.answer(
    "with its logs, Express loses its advantage earlier",
    expected=True,
    observed=0 < with_logs < without,
    look_at="without, and with_logs",
)

# %% tags=["nbval-ignore-output"]
print(f"without logs, Express is cheaper below about {without:.0f} s")
print(f"with all logs,                   below about {with_logs:.0f} s")

# %% [markdown]
# One doubt is left, and it is why there is no second digit: are the start and the end of an execution transitions, too?
# AWS's price page does not say. With
# six transitions in place of four the lines meet at about one and a half times that duration; notebook 10 has both. The
# prices are those of the first tier: who runs Express for more than a thousand GB-hours a month pays less for the rest.
#
# An execution that *waits* turns it all round: an hour of waiting is one transition, and Express may not wait so long
# at all.

# %% [markdown]
# ## Run: go on where it failed
#
# In notebook 06 you throttled one function for a moment, and messages were lost in the workflow. Do the same to a
# Standard execution.

# %%
cleaner = names.function("string_cleaner")
functions.put_function_concurrency(
    FunctionName=cleaner, ReservedConcurrentExecutions=0
)
try:
    started = start("Standard", f"{run}-throttled")
    broken = workshop.wait_for_end(here, started["executionArn"])
finally:
    functions.delete_function_concurrency(FunctionName=cleaner)
print(broken["status"], "with", broken["error"])

# %%
broken_history = workflows.get_execution_history(
    executionArn=broken["executionArn"], maxResults=1000
)["events"]
found = workshop.history_table(broken_history)
found.loc[found["state"] != "", ["id", "type", "state"]]

# %%
entered, left = (
    found.loc[found["type"].str.endswith(f"State{what}"), "state"]
    for what in ("Entered", "Exited")
)
self_checks.answer(
    "one state was entered and never left",
    expected=["Remove special characters"],
    observed=[state for state in entered if state not in set(left)],
    look_at="found",
)

# %% [markdown]
# Nothing is lost: the execution stands in the list, with all that its first two states have made. The function works
# again. Now one call, `RedriveExecution`, goes on at the state that failed, under the same ARN. LocalStack does not have
# this call; what it says is shown. With the target `aws` the cell makes the call; nobody here has tried it there.

# %%
try:
    workflows.redrive_execution(executionArn=broken["executionArn"])
    time.sleep(5)  # DescribeExecution may tell of the time before
    redriven = workshop.wait_for_end(here, broken["executionArn"])["status"]
except ClientError as error:
    if here.kind == "aws":
        raise
    redriven = f"not on this target: {error.response['Error']['Code']}"
redriven

# %%
self_checks.answer(
    "it succeeded, or this target cannot do it",
    expected=True,
    observed=redriven == "SUCCEEDED" or here.is_emulator,
    look_at="redriven; then the history of broken",
)
workshop.compare("states that run again", 2)

# %% [markdown]
# Two: the third state, which failed, and the fourth. What the first two made is in the history, and is not made again. (An
# Express execution can only be started anew, and all its states run again.) The conditions that matter most: the
# execution is a Standard one, it ended without success, and that is no more than 14 days ago. (It also must not be older
# than a year, and its history needs room for new events.) The definition and the input stay those of its start: a mistake
# *in the definition* cannot be mended in this way. In exercise 2 you go on by hand.

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: start it once
#
# Write a start that a caller can repeat at any time. It gives the ARN of the execution: of the new one, or of the one
# that runs, or of the one that has ended. Any other error goes to the caller.


# %%
def start_once(client, arn, name, body):
    # BEGIN SOLUTION
    try:
        answer = client.start_execution(
            stateMachineArn=arn, name=name, input=body
        )
    except client.exceptions.ExecutionAlreadyExists:
        return arn.replace(":stateMachine:", ":execution:") + ":" + name
    return answer["executionArn"]
    # INSTEAD
    # answer = client.start_execution(  # your code here
    #     stateMachineArn=arn, name=name, input=body
    # )
    # return answer["executionArn"]
    # END SOLUTION


# %%
self_checks.exercise_start_once(start_once)

# %% [markdown]
# Put it to work: five orders, each started three times, and the last time it has certainly ended.


# %%
def thrice(name):
    """What three calls with this name give: how ARNs end, or an error."""
    given = []
    for pause_s in (0, 0, 2):
        time.sleep(pause_s)
        try:
            given.append(
                start_once(workflows, standard, name, messages.SAMPLE_BODY)
            )
        except ClientError as error:
            given.append(error.response["Error"]["Code"])
    return [answer.removeprefix(f"{prefix}:{run}-") for answer in given]


prefix = standard.replace(":stateMachine:", ":execution:")
once_names = [f"{run}-once-{number}" for number in range(5)]
with ThreadPoolExecutor(5) as pool:
    given = list(pool.map(thrice, once_names))

# %% tags=["nbval-ignore-output"]
pd.DataFrame(given, columns=["first call", "second call", "third call"])

# %%
listed = workshop.listed_executions(here, standard)
self_checks.answer(
    "fifteen calls made five executions",
    expected=5,
    observed=int(listed["name"].isin(once_names).sum()),
    look_at="listed",
)

# %% [markdown]
# ### Exercise 2: go on by hand
#
# What redrive does, in your own words. Write a function that takes the history of a failed execution, a list of
# events, and gives two things: the name of the state that did not end, and its input, as text. Look at an event first,
# such as `broken_history[1]`.


# %%
def unfinished(history):
    # BEGIN SOLUTION
    entered = [
        event["stateEnteredEventDetails"]
        for event in history
        if event["type"].endswith("StateEntered")
    ]
    return entered[-1]["name"], entered[-1]["input"]
    # INSTEAD
    # return "Decode base64 string", "{}"  # your code here
    # END SOLUTION


# %%
self_checks.exercise_unfinished(unfinished)

# %% [markdown]
# Put it to work: a Standard Workflow that begins with that state runs the rest. Its result must be that of an
# execution that nobody disturbed.

# %%
state, its_input = unfinished(broken_history)
rest = make("standard-rest", "STANDARD", {**definition, "StartAt": state})
went_on = workflows.start_execution(stateMachineArn=rest, input=its_input)
end = workshop.wait_for_end(here, went_on["executionArn"])
whole = workshop.wait_for_end(here, standard_one)
mine, theirs = (json.loads(one.get("output", "0")) for one in (end, whole))
print(end["status"])
print("the same result:", mine == theirs)

# %% [markdown]
# `SUCCEEDED` and `True`: then your function knows where to go on.
#
# ### Exercise 3: ask a person
#
# Before the words are counted, somebody has to approve the text. That may take an hour, so it is for Standard alone. A
# task whose resource ends in `.waitForTaskToken` calls its function, and then waits until somebody sends the task's
# *token* back. Complete the state. The function gets the text and the token, each under a name of its own in `Payload`.
# The text must be there afterwards, and nobody waits longer than a week. (The function would write a mail. Here
# `tokenizer_counter` plays that part: it takes a text, and does not mind a token.)

# %%
asked = names.function("tokenizer_counter")

# %%
# BEGIN SOLUTION
approval = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {
        "FunctionName": asked,
        "Payload": {"output.$": "$.output", "token.$": "$$.Task.Token"},
    },
    "ResultPath": "$.approval",
    "TimeoutSeconds": 7 * 24 * 3600,
    "Next": "Tokenize and count",
}
# INSTEAD
# approval = {  # your code here
#     "Type": "Task",
#     "Resource": "arn:aws:states:::lambda:invoke",
#     "Parameters": {
#         "FunctionName": asked,
#         "Payload": {"output.$": "$.output"},
#     },
#     "Next": "Tokenize and count",
# }
# END SOLUTION

# %% [markdown]
# Make it and start it. `wait_for_token` reads the history until the task waits, and takes the token out of the
# parameters that it was called with. `SendTaskSuccess` is the answer of the person.

# %%
text_last = {**definition["States"], "Wait for approval": approval}
text_last["Remove special characters"] = {
    **definition["States"]["Remove special characters"],
    "Next": "Wait for approval",
}
to_approve = {**definition, "States": text_last}
approved = make("approval", "STANDARD", to_approve)
asking = workflows.start_execution(
    stateMachineArn=approved, input=messages.SAMPLE_BODY
)["executionArn"]
token = workshop.wait_for_token(here, asking)
answered = [workflows.describe_execution(executionArn=asking)["status"]]
if token is not None:
    yes = json.dumps({"approved": True})
    workflows.send_task_success(taskToken=token, output=yes)
    answered.append(workshop.wait_for_end(here, asking)["status"])
answered

# %%
self_checks.exercise_approval(approval, answered)

# %% [markdown]
# And as Express?

# %%
try:
    make("approval-express", "EXPRESS", to_approve)
    print("it was made")
except workshop.RefusedDefinitionError:
    print("refused: an Express Workflow cannot wait for an answer")

# %% [markdown]
# “Refused”: then your state is one that waits.
#
# ## As it was
#
# Delete what this notebook made. AWS deletes a Standard Workflow only when none of its executions runs any more, and
# yours have ended: the slow one was stopped. (If you stopped half-way: `exercises.delete` and `lab down` look for
# executions that run, stop them, and wait until all is gone.)

# %%
for name in exercises.STATE_MACHINES:
    workflows.delete_state_machine(
        stateMachineArn=exercises.state_machine_arn(names, name)
    )
workshop.delete(logs.delete_log_group, logGroupName=log_group)
exercises.delete(names)

# %%
self_checks.answer(
    "nothing of the exercises is left",
    expected=[],
    observed=lambda: exercises.survivors(names),
    look_at="exercises.survivors(names); run the cell above again",
)
self_checks.answer(
    "“lab up” finds nothing left to do",
    expected=[],
    observed=lambda: self_checks.changed_by_lab_up(here),
    look_at="the settings named above; “lab up” has put them right",
)

# %% [markdown]
# ## Recap
#
# - The kind is chosen once. Express: short, many, cheap, and effects that may take place twice. Standard: long, precious,
#   or waiting for somebody.
# - “Exactly once” needs a name for each order from you, and a caller who knows that `ExecutionAlreadyExists` is good news.
# - “At most once” is no protection against your own second call, and boto3 makes one by itself.
# - A Standard execution has a history, complete and free; an Express one has a log, as far as it was delivered and paid.
# - For a second of work Express costs a small part of Standard, even with all logs. The longer an execution takes, the
#   less that holds. Four states cost the same either way after about a minute and a half; from two and a half minutes on
#   Standard is cheaper at these prices, however AWS counts.
# - A failed Standard execution goes on where it failed. A failed Express execution has to be kept by its own `Catch`.
#
# Next: `09_other_event_sources`. Who else can start a workflow, and what is lost on the way?

# %% [markdown]
# ## Roads not taken
#
# - **Both at once.** A Standard Workflow for what is precious, which starts Express Workflows for the many short steps
#   between. Its task waits for the result with `arn:aws:states:::aws-sdk:sfn:startSyncExecution`.
# - **A Standard Workflow behind the queue.** `start_execution` names executions after their messages, so a message that
#   is delivered twice would be executed once. But when that execution has ended, the function takes
#   `ExecutionAlreadyExists` for a failure: the message would come back until it is a dead letter. It needs your exercise 1.
# - **A distributed map.** It works through millions of objects with child executions of either kind, and only a Standard
#   Workflow may have one.
# - **Jobs.** A resource that ends in `.sync` waits until a job of another service is done. Standard only.

# %% [markdown]
# ## Sources
#
# - [Choosing the type](https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html) and
#   [what it guarantees](https://docs.aws.amazon.com/step-functions/latest/dg/express-at-least-once-execution.html)
# - [StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html), idempotent for
#   Standard; [StartSyncExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html)
# - [Redrive](https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html) of executions
# - [Logs](https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html), and how far they are guaranteed;
#   [quotas](https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html), such as the length of a history
# - [Integration patterns](https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html): `.sync` and
#   `.waitForTaskToken`
# - [Prices](https://aws.amazon.com/step-functions/pricing/) of both kinds
# - [Deleting](https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html) a state machine

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("08")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("08", "a", "c", "c", "b")
# INSTEAD
# workshop.answer_quiz("08", ..., ..., ..., ...)
# END SOLUTION
