# %% [markdown]
# # Take it home
#
# **Time:** 55 minutes
#
# You built a pipeline with your own hands, call by call. Nobody works like that twice. Now you take it with you, as
# one file from which it can be made again, in this account or in another one. After this notebook you
#
# - can read a CloudFormation template, and know in which order it is made, and why,
# - can look for its mistakes before you deploy it, and know which ones no linter finds,
# - have deployed your pipeline a second time, sent a message through it, changed it, and deleted it,
# - know which alarms such a pipeline should have.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **template** | a file that says which resources there are to be, and with which settings |
# | **stack** | what CloudFormation makes of a template; it is changed and deleted as a whole |
# | **logical id** | what a resource is called inside its template, such as `Queue` |
# | **parameter** | a value that a template leaves open, with a default |
# | **`!Ref`**, **`!GetAtt`**, **`!Sub`** | a parameter or a resource (its name, URL or ARN); a property; a text with both |
# | **output** | a value that a stack tells, such as the URL of its queue |
# | **linter** | a program that reads a file and finds mistakes in it without running anything |
# | **JSONata** | a small language for JSON, in which a state can compute by itself |
# | **alarm** | watches a metric, and changes its state when a limit is passed |

# %%
import base64
import json
import tempfile
import time
from pathlib import Path

import pandas as pd
from lab import charts, paths, session, stack, workshop
from lab.analysis import cost
from lab.load import messages
from lab.observe import LogReader
from lab.stack import exercises, exported, tags, template
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %% [markdown]
# ## Predict
#
# - Your pipeline as a template: how many resources will it have? Count queues, roles, functions, log groups, state
#   machine and mapping; and add seven alarms.
# - How many of these must be there *before* the event source mapping can be made?
# - How long will it take until all of it is there: a second, ten seconds, a minute?

# %%
# BEGIN SOLUTION
workshop.predict("resources in the template", 18)
workshop.predict("resources that the mapping waits for", 2)
workshop.predict("seconds until the stack is there", 30)
# INSTEAD
# workshop.predict("resources in the template", ...)
# workshop.predict("resources that the mapping waits for", ...)
# workshop.predict("seconds until the stack is there", ...)
# END SOLUTION

# %% [markdown]
# ## Run: export
#
# `lab export` in a terminal writes the file `template.yaml`. Here is the same as a call. It knows nothing of how the
# lab was made: it asks each service what is deployed *now*. It loads the code of your functions, reads the
# definition, the policies of the roles, the settings of queues and mapping, and writes down what it finds. If you
# changed a handler or a policy and deployed it, the change is in the template.

# %%
mine = session.export(here)
kinds = [body["Type"] for body in mine.document["Resources"].values()]
pd.Series(kinds).value_counts(sort=False).rename("how many").to_frame()

# %%
workshop.compare("resources in the template", mine.resources)
self_checks.answer(
    "it is short enough to be handed over with the call",
    expected=True,
    observed=len(mine.text.encode()) <= template.MOST_INLINE_BYTES,
    look_at="len(mine.text.encode()): CloudFormation takes 51,200 bytes",
)

# %% [markdown]
# A longer template has to be put into an S3 bucket first; `aws cloudformation deploy --s3-bucket` does that.
#
# ## Read the result: one resource after the other
#
# The file is YAML. It could be JSON as well, but then each function would be one long line, and no comment would be
# possible. This is the queue:

# %%
workshop.part(mine.document, "Queue")

# %% [markdown]
# Three things to see:
#
# - `!Sub ${AWS::StackName}-messages`: the name begins with that of the stack. So the same template can be deployed
#   many times, side by side, and nothing in it has the name of your lab.
# - `!GetAtt DeadLetterQueue.Arn`: your call to `CreateQueue` had the ARN of the dead-letter queue written out. Here it
#   is a *reference*. CloudFormation understands from it that it has to make the other queue first.
# - `!Ref MaxReceiveCount`: a parameter. Its default is what you deployed.

# %%
workshop.part(mine.document, "MaxReceiveCount")

# %% [markdown]
# The role of `start_execution` came with its three policies, and its ARNs have become references too:

# %%
workshop.part(mine.document, "StartExecutionRole")

# %% [markdown]
# A function has its code in it, from the first to the last line. CloudFormation takes the text after `ZipFile`, puts it
# into a file called `index.py` and packs that. So the handler is `index.lambda_handler` here, where it was
# `handler.lambda_handler`. (Only a function of one file can stand in a template. One with more files, or with
# libraries, is packed and put into a bucket, and the template says where it lies.)

# %%
workshop.part(mine.document, "TokenizerCounterFunction")

# %%
resources = mine.document["Resources"]
code = resources["TokenizerCounterFunction"]["Properties"]["Code"]["ZipFile"]
file = paths.LAMBDAS / "tokenizer_counter" / "handler.py"
self_checks.answer(
    "this is the code that you deployed, to the letter",
    expected=file.read_text("utf-8"),
    observed=code,
    look_at="did you change the handler since? “lab up” deploys it",
)

# %% [markdown]
# And the mapping, which is small:

# %%
workshop.part(mine.document, "Mapping")

# %% [markdown]
# `!If` chooses by a *condition*: with `MaximumConcurrency` zero there is no `ScalingConfig` at all.
#
# ## Read the result: the order
#
# In notebook 01 you made things in the right order, and waited where AWS needs time. A template has no order. It has
# references, and where these do not say enough, `DependsOn`. From both of them CloudFormation works out what can be
# made at the same time. Here the lab draws the same conclusion, wave by wave:

# %%
for number, wave in enumerate(template.waves(mine.document), 1):
    workshop.say(f"{number}: {', '.join(wave)}")

# %%
before = template.waits_for(mine.document, "Mapping")
workshop.compare("resources that the mapping waits for", len(before))
self_checks.answer(
    "the mapping waits for the workflow, though it does not name it",
    expected=True,
    observed="StateMachine" in before
    and "StateMachine" not in template.needs(mine.document)["Mapping"],
    look_at="the waves above: what does StartExecutionFunction need?",
)

# %% [markdown]
# The mapping is nearly the last: it needs `start_execution`, this needs the state machine (its ARN is in the
# environment), the state machine needs its role, and the role needs the four functions that it may invoke. So no message
# can be taken from the queue before all is ready. When the stack is deleted, it goes the same way backwards.

# %% [markdown]
# ## Run: look for mistakes
#
# [`cfn-lint`](https://github.com/aws-cloudformation/cfn-lint) is AWS's own linter. It knows every resource type with its
# properties, and needs no account and no network. (In a terminal: `cfn-lint template.yaml`.)

# %%
findings = workshop.lint(mine.text)
workshop.show_findings(findings)

# %%
self_checks.answer(
    "the template has no mistake that a linter can find",
    expected=[],
    observed=findings,
    look_at="the findings above",
)

# %% [markdown]
# Does it find anything at all? Make three mistakes: a reference to nothing, a property that does not exist, and a
# slip in the definition of the workflow.

# %% tags=["nbval-ignore-output"]
broken = (
    mine.text.replace(
        "EventSourceArn: !GetAtt Queue.Arn",
        "EventSourceArn: !GetAtt Inbox.Arn",
    )
    .replace("MemorySize: 128", "Memory: 128", 1)
    .replace('"OutputPath"', '"OutPath"', 1)
)
workshop.show_findings(workshop.lint(broken))

# %%
self_checks.answer(
    "the linter finds all three",
    expected=3,
    observed=len(workshop.lint(broken)),
    look_at="the findings above",
)

# %% [markdown]
# What it cannot find is what *is* allowed and makes no sense. A queue that hides messages for 5 seconds, behind a
# function that may take 10, is a valid template; Lambda refuses the mapping when it is made. A `Next` that leads to no
# state is seen by Step Functions only. And a role without `states:StartExecution` is noticed with the first message.

# %% [markdown]
# ## Run: deploy
#
# One call. `Capabilities` says: I know that this template makes roles, and so decides who may do what. Without it
# CloudFormation refuses. The tags go to every resource of the stack that can have any.

# %%
cloudformation = here.client("cloudformation")
workshop.delete_stack(names)  # what an earlier run of this notebook left
began = time.monotonic()
answer = cloudformation.create_stack(
    StackName=names.stack,
    TemplateBody=mine.text,
    Capabilities=["CAPABILITY_IAM"],
    Tags=tags.as_pairs(here.name, here.run),
)
workshop.wait_for_stack(names, "create")
took_s = time.monotonic() - began

# %% tags=["nbval-ignore-output"]
workshop.compare("seconds until the stack is there", round(took_s, 1))
done = workshop.events(names)
done[done["status"] == "CREATE_COMPLETE"].drop(columns="reason").round(1)

# %%
order = list(done.loc[done["status"] == "CREATE_COMPLETE", "resource"])
self_checks.answer(
    "each resource came after all that it needs",
    expected=True,
    observed=all(
        order.index(needed) < order.index(name)
        for name, all_needed in template.needs(mine.document).items()
        for needed in all_needed
    ),
    look_at="order, and the waves above",
)

# %% [markdown]
# (LocalStack makes one resource after the other. AWS starts each one as soon as all that it needs is there, many at once,
# and yet takes longer: it goes on only when a resource has proved ready. Expect a minute or two.)
#
# Now there are two pipelines, and they know nothing of each other. The outputs say how to reach the new one:

# %%
outputs = workshop.outputs(names)
sorted(outputs)

# %% [markdown]
# Send it the sample message:

# %%
sqs = here.client("sqs")
message_id = sqs.send_message(
    QueueUrl=outputs["QueueUrl"], MessageBody=messages.SAMPLE_BODY
)["MessageId"]
executions, states = workshop.follow(here, outputs["LogGroupName"], message_id)

# %%
counts = json.loads(executions["output"][0])["word_counts"]
self_checks.answer(
    "the stack counts what your lab counted: 100 tokens, 78 different ones",
    expected=(100, 78),
    observed=(sum(counts.values()), len(counts)),
    look_at="executions, the columns “status” and “error”",
)
self_checks.answer(
    "it was the stack's workflow, not the lab's",
    expected=f"{names.stack}-text-processing",
    observed=executions["execution_arn"][0].split(":")[-3],
    look_at="outputs",
)

# %% [markdown]
# ## Read the result: the alarms
#
# Seven alarms came with the template. You did not make them in this workshop; the export adds them, for these are
# the questions that you would ask yourself at three in the morning:

# %%
alarms = here.client("cloudwatch").describe_alarms(
    AlarmNamePrefix=names.stack
)["MetricAlarms"]
asked = {
    name: body["Properties"]["AlarmDescription"]
    for name, body in resources.items()
    if body["Type"] == "AWS::CloudWatch::Alarm"
}
for name, what in asked.items():
    workshop.say(f"{name.removesuffix('Alarm')}: {what}")

# %%
self_checks.answer(
    "all seven are there",
    expected=len(asked),
    observed=len(alarms),
    look_at="alarms",
)

# %% [markdown]
# `OldMessages` is the most useful of them: whatever holds messages up, in the end they wait. An alarm on the *number* of
# messages would ring with every burst; the *age* of the oldest one says whether anybody is late. It does not see an
# execution that fails, for its message has left the queue. So `DeadLetters` and `ExecutionsFailed` have the limit zero:
# each single one is a message that nobody has handled. `ExecutionsThrottled` should stay quiet: its metric is about the
# rate of state transitions, which AWS limits for Standard Workflows and not for Express.
#
# An alarm alone tells nobody. The parameter `AlarmTopicArn` takes a topic of SNS, AWS's service for notifications, which
# sends a mail or a text message. And a pipeline without messages has no executions, and so no metrics of them:
# `TreatMissingData: notBreaching` says that silence is no alarm here. (On your machine nothing
# is written about the workflow and the age of messages, so do not wait for these alarms to ring here. Errors of
# functions are counted.)

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: smaller batches
#
# Change the deployed stack: a call of `start_execution` must get 4 messages at most, and 2 batches may be at work at
# the same time. Write what has to change as a dictionary; `workshop.update_stack` hands it to
# `UpdateStack`.

# %%
# BEGIN SOLUTION
changes = {"BatchSize": 4, "MaximumConcurrency": 2}
# INSTEAD
# changes = {}  # your code here
# END SOLUTION
workshop.update_stack(names, mine.text, changes)

# %%
functions = here.client("lambda")
[mapping] = functions.list_event_source_mappings(
    FunctionName=f"{names.stack}-start-execution"
)["EventSourceMappings"]
self_checks.exercise_smaller_batches(mapping)

# %% [markdown]
# Only the mapping was touched; CloudFormation compares the new template with the old one and changes what differs.

# %% [markdown]
# ### Exercise 2: an alarm of your own
#
# Write an alarm that rings when the slowest hundredth of the executions (p99) takes longer than a second, three
# minutes in a row. `ExecutionsFailedAlarm` may be your example:

# %%
workshop.part(mine.document, "ExecutionsFailedAlarm")

# %%
my_alarm = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "Namespace": "AWS/States",
        "Dimensions": [
            {"Name": "StateMachineArn", "Value": {"Ref": "StateMachine"}}
        ],
        # BEGIN SOLUTION
        "MetricName": "ExecutionTime",
        "ExtendedStatistic": "p99",
        "Threshold": 1000,
        "EvaluationPeriods": 3,
        # INSTEAD
        # "MetricName": "ExecutionsStarted",  # your code here
        # "Statistic": "Sum",
        # "Threshold": 0,
        # "EvaluationPeriods": 1,
        # END SOLUTION
        "Period": 60,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    },
}

# %%
self_checks.exercise_slow_alarm(my_alarm)

# %% [markdown]
# Put it into your template, ask the linter, and deploy it. (No parameters are handed over this time. `UpdateStack` gives
# a parameter that is left out its default again, so the update also takes back what exercise 1 changed. The command
# `aws cloudformation deploy` does otherwise: it keeps the value that the stack has.)

# %%
resources["SlowExecutionsAlarm"] = my_alarm
with_alarm = template.template(mine.document)
findings = workshop.lint(with_alarm)
workshop.show_findings(findings)
if not findings:
    workshop.update_stack(names, with_alarm)

# %% [markdown]
# ### Exercise 3: not every message
#
# Somebody sends messages without an `input` to your queue. Each of them starts an execution that fails. A mapping can
# have a *filter*: it hands over only messages that fit a pattern. Write a pattern that fits every body that has the key
# `input`, whatever text stands there. (A condition of a pattern looks at single values. On AWS an `input` that is an
# object of its own would not fit.) The
# [guide](https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html) lists what a pattern may say.

# %%
# BEGIN SOLUTION
pattern = {"body": {"input": [{"exists": True}]}}
# INSTEAD
# pattern = {}  # your code here
# END SOLUTION

# %%
self_checks.exercise_filter(pattern)

# %%
if pattern:
    resources["Mapping"]["Properties"]["FilterCriteria"] = {
        "Filters": [{"Pattern": json.dumps(pattern)}]
    }
    workshop.update_stack(names, template.template(mine.document))

# %% [markdown]
# Then send one message that has no `input`, and the sample after it. How many executions does the second one have, and
# where is the first?

# %%
for body in (json.dumps({"text": "no input here"}), messages.SAMPLE_BODY):
    last = sqs.send_message(QueueUrl=outputs["QueueUrl"], MessageBody=body)
seen, _ = workshop.follow(here, outputs["LogGroupName"], last["MessageId"])

# %% [markdown]
# With the filter the first message is *gone*: the mapping deletes what does not fit, and also each body that is not
# JSON. It is in no log, and in no dead-letter queue. A filter is a decision to throw away. When you want to keep what
# you do not understand, let it fail.

# %% [markdown]
# ## Run: no function at all
#
# The four functions compute little, and yet each has to be invoked, which takes time and is billed. Since November 2024
# a state can do such work by itself: in *JSONata*, whose expressions stand in the definition between `{%` and `%}`.
# `statemachine/text_processing_jsonata.asl.json` is the same workflow in JSONata. Here is its last state:

# %%
text = (paths.STATE_MACHINES / "text_processing_jsonata.asl.json").read_text(
    "utf-8"
)
workshop.say(json.loads(text)["States"]["Tokenize and count"]["Output"])

# %% [markdown]
# First measure the stack as it is: eight messages one after the other, when everything is warm.

# %%
quiet = {"say": lambda text: None}


def send_and_follow(count):
    runs = []
    for _ in range(count):
        sent = sqs.send_message(
            QueueUrl=outputs["QueueUrl"], MessageBody=messages.SAMPLE_BODY
        )
        runs.append(
            workshop.follow(
                here, outputs["LogGroupName"], sent["MessageId"], **quiet
            )
        )
    return pd.concat([executions for executions, _ in runs], ignore_index=True)


with_functions = send_and_follow(8)

# %% [markdown]
# Now one resource of the template gets another definition. The functions stay where they are; nobody calls them, and a
# function that is not called costs nothing.

# %%
workflow = resources["StateMachine"]["Properties"]
workflow["DefinitionString"] = text
workflow.pop("DefinitionSubstitutions", None)
workshop.update_stack(names, template.template(mine.document))

# %%
without_functions = send_and_follow(8)
words = [
    json.loads(table["output"].iloc[-1])["word_counts"]
    for table in (with_functions, without_functions)
]
self_checks.answer(
    "both count the same words of the sample",
    expected=words[0],
    observed=words[1],
    look_at="without_functions, the columns “status” and “error”",
)

# %% tags=["nbval-ignore-output"]
each = {"four functions": with_functions, "JSONata": without_functions}
pd.DataFrame(
    {
        name: {
            "median of the duration (ms)": table["duration_s"].median() * 1000,
            "events in the log": table["events"].median(),
        }
        for name, table in each.items()
    }
).round(1)

# %%
self_checks.answer(
    "without functions there is less to log",
    expected=True,
    observed=bool(
        (without_functions["events"] < with_functions["events"].min()).all()
    ),
    look_at="the column “events” of both tables",
)

# %% [markdown]
# Which one is faster here says little of AWS: on your machine the expressions are computed in Python, in the process
# that does all the rest. On AWS the call of a function is what takes the time, so expect the workflow without
# functions to be the faster one there; measure it before you believe it. What can be said is the price. Count the bytes
# of one execution's log, and take all else from the estimate of notebook 10:


# %%
def bytes_in_log(execution):
    since_ms = int(execution["started"].timestamp() * 1000) - 1000
    group = outputs["LogGroupName"]
    reader = LogReader(here.client("logs"), group, since_ms=since_ms)
    arn = execution["execution_arn"]
    lines = [line for line in reader.messages() if arn in line]
    return sum(len(line.encode()) + 26 for line in lines)  # 26 each: AWS


# %% tags=["nbval-ignore-output"]
logged = {name: bytes_in_log(table.iloc[-1]) for name, table in each.items()}
shapes = {
    name: cost.Shape(
        functions=4 if name == "four functions" else 0,
        duration_s=0.1,  # the shortest time that is billed
        log_bytes=round(logged[name], -3),
    )
    for name in each
}
prices = pd.DataFrame(
    {
        name: cost.estimate(1_000_000, shape).by_service()
        for name, shape in shapes.items()
    }
)
prices.loc["USD for a million messages"] = prices.sum()
prices.round(1)

# %%
self_checks.answer(
    "it is cheaper without functions, and the log is the largest part still",
    expected=(True, "CloudWatch Logs"),
    observed=(
        bool(prices["JSONata"].iloc[-1] < prices["four functions"].iloc[-1]),
        prices["JSONata"].iloc[:-1].idxmax(),
    ),
    look_at="prices, the table",
)

# %% [markdown]
# Then why functions? Look at what else there is in a text:

# %%
umlauts = base64.b64encode("Über Äpfel, naïve".encode()).decode()
sent = sqs.send_message(
    QueueUrl=outputs["QueueUrl"], MessageBody=json.dumps({"input": umlauts})
)
found, _ = workshop.follow(
    here, outputs["LogGroupName"], sent["MessageId"], **quiet
)
json.loads(found["output"][0])["word_counts"]

# %%
self_checks.answer(
    "“Äpfel” was cut: \\w of a regular expression knows ASCII letters alone",
    expected=True,
    observed="äpfel" not in json.loads(found["output"][0])["word_counts"],
    look_at="the counts above",
)

# %% [markdown]
# JSONata comes from JavaScript, where `\w` is a letter, a digit or an underscore of ASCII, and the lab does the same. (AWS
# does not say how its own engine reads it: try it there.) Our functions know the letters of all scripts, have tests, and
# say by name what is wrong with a message. An expression is the right thing for what is small: take this
# field, join these two, decide where to go. A program belongs into a function.

# %% [markdown]
# ## Run: bring your own workflow
#
# All that you read in this workshop came out of a log group, and Step Functions writes the same events for every
# workflow. So you can watch one of your own, Express or Standard. It needs log level `ALL`; without execution data you
# see states and times, but no inputs and outputs. Here is a small one that stands in for yours. It knows nothing of
# texts. It has a *Choice*, a state that decides which one comes next, and a *Map*, which runs its inner states once for
# each item:

# %%
own = {
    "QueryLanguage": "JSONata",
    "StartAt": "Few or many?",
    "States": {
        "Few or many?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $count($states.input.parts) > 2 %}",
                    "Next": "Each part",
                }
            ],
            "Default": "Leave them",
        },
        "Each part": {
            "Type": "Map",
            "Items": "{% $states.input.parts %}",
            "ItemProcessor": {
                "StartAt": "Double it",
                "States": {
                    "Double it": {
                        "Type": "Pass",
                        "Output": "{% $states.input * 2 %}",
                        "End": True,
                    }
                },
            },
            "End": True,
        },
        "Leave them": {"Type": "Pass", "End": True},
    },
}
charts.state_machine_graph(own)

# %%
own_machine = exercises.name(names, "own-workflow")
own_group = f"/aws/vendedlogs/states/{own_machine}"
workshop.create(
    here.client("logs").create_log_group,
    logGroupName=own_group,
    tags=tags.as_mapping(here.name, here.run),
)
destination = {
    "cloudWatchLogsLogGroup": {"logGroupArn": names.log_group_arn(own_group)}
}
workflows = here.client("stepfunctions")
_ = workshop.create(
    workflows.create_state_machine,
    name=own_machine,
    type="EXPRESS",
    definition=json.dumps(own),
    roleArn=names.role_arn(names.workflow_role),
    loggingConfiguration={
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [destination],
    },
    tags=tags.as_pairs(here.name, here.run, key="key", value="value"),
)

# %%
own_arn = exercises.state_machine_arn(names, "own-workflow")
for size in range(1, 7):
    started = workflows.start_execution(
        stateMachineArn=own_arn,
        input=json.dumps({"parts": list(range(size))}),
    )
    own_name = started["executionArn"].split(":")[7]
    workshop.follow(here, own_group, own_name, **quiet)  # until it has ended

# %% [markdown]
# `lab watch --state-machine ARN` reads such a log and works out what happened; this is the same as a call. It knows
# the definition, so it can say of every visit of a state how it ended, and which visits ought to be in the log and
# are not.

# %% tags=["nbval-ignore-output"]
watched = session.watch_machine(here, own_arn, minutes=10)
watched.by_state[["state", "type", "visits", "failed"]]

# %% tags=["nbval-ignore-output"]
for sentence in watched.sentences():
    workshop.say(sentence)

# %%
self_checks.answer(
    "every visit of a state is accounted for",
    expected=True,
    observed=watched.holds,
    look_at="watched.missing; if the log is late, run the cells above again",
)
visits = watched.by_state.set_index("state")["visits"]
self_checks.answer(
    "each part was a visit of its own: 3 + 4 + 5 + 6 for six executions",
    expected=18 * len(watched.executions) / 6,
    observed=float(visits["Double it"]),
    look_at="watched.visits; if the log is late, run the cells above again",
)

# %% tags=["nbval-ignore-output"]
charts.times_of_states(watched.by_state)

# %% [markdown]
# And `lab ramp` sends what *you* want to send: a file with one body a line, to any queue. Here are six bodies, and the
# queue of your stack. (In a terminal: `lab ramp --queue-url URL --bodies FILE.jsonl --state-machine ARN`.)

# %%
lines = [
    "The isle is full of noises",
    "Sounds and sweet airs",
    "that hurt not",
]
encoded = [base64.b64encode(line.encode()).decode() for line in lines * 2]
folder = Path(tempfile.mkdtemp())
bodies = folder / "my-bodies.jsonl"
bodies.write_text("".join(json.dumps({"input": e}) + "\n" for e in encoded))
my_bodies = session.OwnBodies(
    outputs["QueueUrl"], bodies, state_machine=outputs["StateMachineArn"]
)

# %% tags=["nbval-ignore-output"]
plan = session.RampOptions(rates="2", seconds=3)
ramped = session.ramp_own_bodies(here, my_bodies, plan, interactive=False)
print(ramped.reconciliation.explain())

# %%
self_checks.answer(
    "each of your six messages has ended as a success",
    expected=6,
    observed=len(ramped.reconciliation.succeeded),
    look_at="ramped.account",
)

# %% [markdown]
# ## Run: delete it, and prove it
#
# One call deletes all, in the right order. Then do not believe it: ask each service for what begins with the stack's
# name.

# %%
cloudformation.delete_stack(StackName=names.stack)
workshop.wait_for_stack(names, "delete")


# %%
def left(names):
    start = f"{names.stack}-"
    client = names.target.client
    queues = client("sqs").list_queues(QueueNamePrefix=start)
    functions = client("lambda").get_paginator("list_functions").paginate()
    roles = client("iam").get_paginator("list_roles").paginate()
    groups = client("logs").get_paginator("describe_log_groups").paginate()
    found = queues.get("QueueUrls", [])
    found += [f["FunctionName"] for p in functions for f in p["Functions"]]
    found += [role["RoleName"] for page in roles for role in page["Roles"]]
    found += [g["logGroupName"] for page in groups for g in page["logGroups"]]
    alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix=start)
    found += [alarm["AlarmName"] for alarm in alarms["MetricAlarms"]]
    return [name for name in found if start in name]


left(names)

# %%
self_checks.answer(
    "nothing of the stack is left",
    expected=[],
    observed=lambda: left(names) + exported.survivors(names),
    look_at="the list above; “lab down” deletes what the stack left behind",
)
self_checks.answer(
    "your lab is still there, untouched",
    expected=[],
    observed=lambda: stack.missing(here),
    look_at="lab status",
)

# %% [markdown]
# ## Recap
#
# - A template says what there is to be. References give the order; CloudFormation makes, changes and deletes in it.
# - `lab export` writes one from what you deployed: code, definition, policies, settings. Alarms come with it.
# - A linter finds what is written wrong. What is decided wrong shows when it runs.
# - Change the template, then the stack; what you change by hand, the next update does not know.
# - Delete the stack and nothing is left, but look.
#
# Next: `99_clean_up`. You delete the lab, and prove that nothing is left.

# %% [markdown]
# ## Roads not taken
#
# - **SAM and CDK.** SAM is CloudFormation with shorter words for functions and their sources; CDK writes templates from
#   Python or TypeScript. Both end in a template like yours.
# - **Change sets.** A change set is a list of what an update would change. `aws cloudformation deploy` makes one and carries
#   it out at once; with `--no-execute-changeset` it stops there, and you can read the list before you say yes. Do so when
#   something in the stack holds data.
# - **Keep what holds data.** A stack deletes its queues with all that is in them. `DeletionPolicy: Retain` leaves a
#   resource behind, for you to look at and to pay for.
# - **Terraform** and its relatives do the same with a state file of their own.

# %% [markdown]
# ## Sources
#
# - [Resource types](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html)
#   and [code in a template](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-lambda-function-code.html)
# - [Quotas of CloudFormation](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html)
# - [Filters of a queue](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html)
# - [Metrics of Step Functions](https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html), and its
#   [quotas](https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)
# - [JSONata](https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html) in Step Functions

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("12")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("12", "a", "c", "c", "b")
# INSTEAD
# workshop.answer_quiz("12", ..., ..., ..., ...)
# END SOLUTION
