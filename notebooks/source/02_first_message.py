# %% [markdown]
# # The first message
#
# **Time:** 25 minutes
#
# You send one message and follow it: out of the queue, through four states, into the log. After this
# notebook you
#
# - can send a message and find its execution,
# - can read an execution's events and see in a waterfall chart where its time went,
# - can ask CloudWatch Logs for all this, as you would on AWS.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **body** | the text of a message; here JSON, `{"input": "…"}` |
# | **base64** | a way to write any bytes with 64 harmless characters; it makes a text a third longer |
# | **token** | a word as the last state counts it: lower case, no special characters |
# | **queue wait** | from the moment a message was sent to the moment it was handed out |
# | **duration** | of an execution: from its first event to its last |
# | **waterfall** | a chart with one bar for each state, from when it was entered to when it was left |

# %%
import json
import textwrap

import pandas as pd
from lab import charts, stack, workshop
from lab.load import messages
from lab.stack import documents, exercises, tags
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %%
sqs = here.client("sqs")
logs = here.client("logs")
workflows = here.client("stepfunctions")

# %% [markdown]
# ## Predict
#
# This is the text of the sample message:

# %%
print(textwrap.fill(messages.SAMPLE_TEXT, 76))

# %% [markdown]
# And this is the start of the body that is sent:

# %%
print(messages.SAMPLE_BODY[:70], "…")

# %% [markdown]
# Write down before you go on:
#
# - Which word will be counted most often?
# - Which of the four states will take the longest, and how long will all four take together?
# - Will the last state count more words than white space separates, or fewer? (Look at “cloud-capped” and
#   “I’ll”.)

# %%
# BEGIN SOLUTION
workshop.predict("the most frequent word", "and")
workshop.predict("the slowest state", "Decode base64 string")
workshop.predict("milliseconds for four states", 20)
workshop.predict("more words or fewer", "more")
# INSTEAD
# workshop.predict("the most frequent word", ...)
# workshop.predict("the slowest state", ...)
# workshop.predict("milliseconds for four states", ...)
# workshop.predict("more words or fewer", ...)
# END SOLUTION

# %% [markdown]
# ## Run
#
# A queue has a URL, and one call sends a message to it. SQS answers with the id that it gave the message. The
# function `start_execution` uses this id as the name of the execution, so that you can find it again.

# %%
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
sent = sqs.send_message(QueueUrl=queue_url, MessageBody=messages.SAMPLE_BODY)
message_id = sent["MessageId"]

# %% [markdown]
# Now watch it. `follow` reads the log group again and again until the execution has ended. It prints the name
# of each state when the execution leaves it.

# %%
executions, states = workshop.follow(here, names.log_group, message_id)

# %% [markdown]
# ## Read the result: what came out
#
# `executions` has one row for each execution, here one. Its column `output` is what the last state gave
# back, as JSON.

# %%
output = json.loads(executions["output"][0])
output["stats"]

# %%
self_checks.answer(
    "the text has 540 characters",
    expected=540,
    observed=output["stats"]["text_length"],
    look_at="lambdas/stats_generator/handler.py",
)
self_checks.answer(
    "a word has 4.58 characters on average",
    expected=444 / 97,
    observed=output["stats"]["avg_word_length"],
    look_at="lambdas/stats_generator/handler.py",
)

# %% [markdown]
# White space separates 97 words, with 444 characters in them. 22 of these words contain something special, a
# comma or a dash. Here is one chart for the four numbers. It will be more interesting with many texts.

# %%
charts.text_statistics(workshop.statistics_of([output]))

# %% [markdown]
# And the words:

# %%
charts.word_frequencies(output["word_counts"])

# %%
counts = output["word_counts"]
self_checks.answer(
    "100 tokens came out, 78 different ones",
    expected=(100, 78),
    observed=(sum(counts.values()), len(counts)),
    look_at="lambdas/tokenizer_counter/handler.py",
)
self_checks.answer(
    "“the” and “my” occur five times, “and” four times",
    expected=[5, 5, 4],
    observed=[counts[word] for word in ("the", "my", "and")],
    look_at="lambdas/tokenizer_counter/handler.py",
)

# %% [markdown]
# 100 tokens out of 97 words: “cloud-capped”, “inherit—shall” and “I’ll” became two tokens each. Was your
# guess right?

# %%
workshop.compare("the most frequent word", "“the” and “my”")
workshop.compare("more words or fewer", "more")

# %% [markdown]
# ## Read the result: where the time went
#
# `states` has one row for each state that was visited, with the instants when it was entered and left.

# %% tags=["nbval-ignore-output"]
charts.waterfall(states, title="the sample message")

# %% tags=["nbval-ignore-output"]
slowest = states.loc[states["duration_s"].idxmax(), "state"]
workshop.compare("the slowest state", slowest)
took_ms = float(executions["duration_s"][0]) * 1000
workshop.compare("milliseconds for four states", took_ms)

# %%
self_checks.answer(
    "each state was left before the next one was entered",
    expected=True,
    observed=bool(
        (states["entered"] <= states["exited"]).all()
        and (
            states["exited"][:-1].to_numpy()
            <= states["entered"][1:].to_numpy()
        ).all()
    ),
    look_at="states, the table",
)

# %% [markdown]
# Each function does its work in well under a millisecond, for the text is short. What you see is the time that it
# takes to *call* a function. The first time, Lambda must also start Python and import your file. That is a
# **cold start**. The processes stay, so the same message is faster the second time.

# %%
again = sqs.send_message(QueueUrl=queue_url, MessageBody=messages.SAMPLE_BODY)[
    "MessageId"
]
second, second_states = workshop.follow(here, names.log_group, again)

# %% tags=["nbval-ignore-output"]
print(f"first:  {executions['duration_s'][0] * 1000:6.0f} ms")
print(f"second: {second['duration_s'][0] * 1000:6.0f} ms")

# %%
self_checks.answer(
    "the second execution gives the same as the first",
    expected=output,
    observed=json.loads(second["output"][0]),
    look_at="the column “output” of both tables",
)

# %% [markdown]
# (If you ran this notebook before, the functions were warm and both are fast.)

# %% [markdown]
# ## Read the result: the log, as on AWS
#
# `follow` did nothing that you cannot do yourself. All of it is in the log group, and `FilterLogEvents` finds the
# events that contain the message's id. (That is AWS. LocalStack reads no pattern and gives back all events, so the
# cell looks for the id itself.) The answer comes in pages. A page holds up to 1 MB or 10,000 events, but it may
# hold fewer, or none, and still carry a token that leads to the next page. Only an answer without a token is the
# last one. So always read all pages; a *paginator* does that for you.

# %%
began = executions["started"][0]
pages = logs.get_paginator("filter_log_events").paginate(
    logGroupName=names.log_group,
    filterPattern=f'"{message_id}"',
    startTime=int(began.timestamp() * 1000),
)
lines = [
    event["message"]
    for page in pages
    for event in page["events"]
    if message_id in event["message"]
]
diary = workshop.event_table(lines)
diary.set_index("id")[["type", "state"]]

# %% [markdown]
# 22 events: the start, five for each of the four states, and the end. `TaskStateEntered` and
# `TaskStateExited` belong to the state; in between, the task was scheduled, started and succeeded. AWS does not
# promise that a log is complete or in time: a missing event does not mean that a message was lost.

# %%
self_checks.answer(
    "no event is missing: all ids from 1 to 22 are there",
    expected=list(range(1, 23)),
    observed=list(diary["id"]),
    look_at="the table above; if the log is late, run its cell again",
)

# %% [markdown]
# The functions have logs as well. `start_execution` prints one line for each message, with three instants: when
# SQS took the message, when it handed the message out, and when the execution was started.

# %% tags=["nbval-ignore-output"]
group = names.function_log_group("start_execution")
line = workshop.find_line(here, group, message_id)
moments = json.loads(line)


def way(moments, execution):
    sent, received = moments["sent_ms"], moments["first_received_ms"]
    started = moments["started_at_ms"]
    finished = round(execution["finished"][0].timestamp() * 1000)
    return {
        "wait in the queue": received - sent,
        "start_execution": started - received,
        "the workflow": finished - started,
        "all together": finished - sent,
    }


next_line = workshop.find_line(here, group, again)
ways = {
    "first message, ms": way(moments, executions),
    "second message, ms": way(json.loads(next_line), second),
}
pd.DataFrame(ways)

# %%
self_checks.answer(
    "it was sent, then received, then started",
    expected=True,
    observed=moments["sent_ms"]
    <= moments["first_received_ms"]
    <= moments["started_at_ms"],
    look_at="moments, the line above as a dictionary",
)

# %% [markdown]
# This is the answer to your first prediction in notebook 00. The largest part of the first message's time is
# neither the queue nor the workflow, but what stands between them: `start_execution` was called for the first
# time too, and Lambda had to start Python and to import boto3 before it could do anything. That is the cold
# start of `start_execution`; the second message did not pay for it. (If the functions were warm before you
# began, both are fast.)

# %% tags=["nbval-ignore-output"]
first_ms = ways["first message, ms"]["all together"]
workshop.compare("milliseconds for one message", first_ms)

# %%
self_checks.answer(
    "the parts make the whole",
    expected=True,
    observed=all(
        sum(parts.values()) == 2 * parts["all together"]
        for parts in ways.values()
    ),
    look_at="ways, the table: is a part missing?",
)

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: a text to order
#
# Write a text for which the workflow counts 3 words of digits and 2 words with special characters. If in
# doubt, read `lambdas/stats_generator/handler.py` again.

# %%
# BEGIN SOLUTION
my_text = "In 1611 and 1623, 36 plays: 14 comedies"
# INSTEAD
# my_text = "We are such stuff"  # your text here
# END SOLUTION

# %%
import base64

body = json.dumps({"input": base64.b64encode(my_text.encode()).decode()})
mine = sqs.send_message(QueueUrl=queue_url, MessageBody=body)["MessageId"]
my_executions, _ = workshop.follow(here, names.log_group, mine)

# %%
my_stats = json.loads(my_executions["output"][0])["stats"]
my_stats

# %%
self_checks.exercise_counted_words(my_stats)

# %% [markdown]
# ### Exercise 2: a fifth state
#
# Let the workflow take a breath: after “Generate statistics” it waits for one second, and then goes on with
# “Remove special characters”. A state that waits is written like this:
#
#     {"Type": "Wait", "Seconds": 1, "Next": "the name of the state that follows"}
#
# Give it any name, add it to `definition["States"]`, and change the workflow so that it goes through your state.

# %%
definition = documents.definition("text_processing", names.substitutions)
# BEGIN SOLUTION
breath = {"Type": "Wait", "Seconds": 1, "Next": "Remove special characters"}
definition["States"]["Take a breath"] = breath
definition["States"]["Generate statistics"]["Next"] = "Take a breath"
# INSTEAD
# # your code here
# END SOLUTION
charts.state_machine_graph(definition)

# %% [markdown]
# Your workflow is a state machine of its own with a log group of its own; the lab's stays as it is. The
# next two cells make it, or change it when it is there.

# %%
my_machine = exercises.name(names, "waiting-state")
my_group = f"/aws/vendedlogs/states/{my_machine}"
workshop.create(
    logs.create_log_group,
    logGroupName=my_group,
    tags=tags.as_mapping(here.name),
)
logs.put_retention_policy(logGroupName=my_group, retentionInDays=7)
destination = {
    "cloudWatchLogsLogGroup": {"logGroupArn": names.log_group_arn(my_group)}
}
logging = {
    "level": "ALL",
    "includeExecutionData": True,
    "destinations": [destination],
}

# %%
parts = {
    "definition": json.dumps(definition),
    "roleArn": names.role_arn(names.workflow_role),
}
parts["loggingConfiguration"] = logging
workshop.create(
    workflows.create_state_machine,
    name=my_machine,
    type="EXPRESS",
    tags=tags.as_pairs(here.name, key="key", value="value"),
    **parts,
)
my_arn = exercises.state_machine_arn(names, "waiting-state")
_ = workshop.create(
    workflows.update_state_machine, stateMachineArn=my_arn, **parts
)

# %% [markdown]
# This time no queue is involved: you start the execution yourself, with the call that `start_execution`
# makes.

# %%
started = workflows.start_execution(
    stateMachineArn=my_arn, input=messages.SAMPLE_BODY
)
my_name = started["executionArn"].split(":")[7]
_, my_states = workshop.follow(here, my_group, my_name)

# %% tags=["nbval-ignore-output"]
charts.waterfall(my_states, title="your workflow")

# %%
self_checks.exercise_waiting_state(
    my_states, after="Generate statistics", before="Remove special characters"
)

# %% [markdown]
# ## Recap
#
# - `SendMessage` answers with an id, and here the execution has that id as its name.
# - An execution of four states leaves 22 events. From “entered” and “exited” comes the waterfall.
# - To call a function takes more time than these functions need for their work; the first call takes the
#   most.
# - You cannot ask Step Functions about a past execution of an Express Workflow: `DescribeExecution` and
#   `GetExecutionHistory` do not serve it. The log is the only record of a single execution. On AWS there are also
#   CloudWatch's metrics: how many executions started, succeeded and failed, how long they took, what was billed.
#   LocalStack does not write them.
#
# Next: `03_increasing_rates`. You send many messages. How many a second can the system handle?

# %% [markdown]
# ## Roads not taken
#
# - **Wait for the answer.** `StartSyncExecution` starts an Express Workflow and returns when its last state has
#   ended; notebook 03 uses it by hand. If `start_execution` used it, it would know how the workflow ended: a
#   message whose workflow failed could go back to the queue, and after five times to the dead-letter queue. A
#   synchronous execution runs *at most once*, an asynchronous one *at least once*. EventBridge Pipes starts Express
#   Workflows this way unless you say otherwise. The price: the function waits, and is billed, for as long as the
#   workflow takes. The lab keeps the asynchronous start of the original sample.
# - **Logs Insights.** CloudWatch's query language finds and counts over many log groups at once. It takes
#   seconds to answer; for one execution the filter is enough.
# - **Wait states in an Express Workflow** cost money on AWS while they wait, since Express is paid by
#   duration. A Standard Workflow waits for free.

# %% [markdown]
# ## Sources
#
# - [FilterLogEvents](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html):
#   its pages and tokens
# - [Logs of Express Workflows](https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html), delivered as well as
#   AWS can
# - [Metrics of Step Functions](https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html)
# - [Synchronous and asynchronous Express Workflows](https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html),
#   at most once and at least once
# - [EventBridge Pipes with a state machine](https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_PipeTargetStateMachineParameters.html)

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("02")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("02", "c", "a", "a", "c")
# INSTEAD
# workshop.answer_quiz("02", ..., ..., ..., ...)
# END SOLUTION
