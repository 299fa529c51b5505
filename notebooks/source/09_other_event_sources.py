# %% [markdown]
# # Other event sources
#
# **Time:** 45 minutes
#
# So far every text came through a queue. It need not. You send the same 200 texts through six sources, and each ends in
# the same workflow. After this notebook you
#
# - can start a workflow by an event, an upload, a record of a stream and a change of a table,
# - know what stands between each source and the workflow, and how long that takes,
# - can say of each source what it tries again, for how long, and when it loses something without a word.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **event** | JSON that says what happened: its `source`, its `detail-type`, and in `detail` all the rest |
# | **event bus** | where EventBridge takes events; every account has one called `default` |
# | **rule** | an *event pattern*, which events must match, and *targets*, to which EventBridge hands those that do |
# | **input transformer** | makes the input of a target out of parts of the event |
# | **stream** | records in the order of their arrival; readers take nothing away, records go when they are too old |
# | **shard** | a part of a stream with an order of its own, read by one batch at a time |
# | **partition key** | a text that comes with each record; records of the same key go into the same shard |
# | **item** | what a table of DynamoDB holds, as other databases hold rows |
# | **destination** | where Lambda tells what it gave up, such as a queue |
# | **pipe** | takes from one source, hands to one target; EventBridge runs it, and you write no function |

# %%
import json
import threading
from concurrent.futures import ThreadPoolExecutor

from lab import charts, session, stack, workshop
from lab.analysis import sources as analysis
from lab.load import messages
from lab.stack import documents, exercises, sources, tags
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %%
iam, logs, sqs = (here.client(name) for name in ("iam", "logs", "sqs"))
functions, workflows = here.client("lambda"), here.client("stepfunctions")
events, s3 = here.client("events"), here.client("s3")
kinesis, dynamodb = here.client("kinesis"), here.client("dynamodb")

# %% [markdown]
# ## Predict
#
# - Through the queue a workflow begins some milliseconds after its message was sent. Which source is the slowest,
#   and within how many milliseconds has half of its texts begun? They are called `"SQS queue"`, `"EventBridge rule"`,
#   `"S3 bucket"`, `"Kinesis stream"`, `"DynamoDB table"` and `"SQS and a pipe"` here.
# - A rule may no longer start the workflow. You hand five events to EventBridge. How many of them does it refuse?
# - In a stream the fifth of nine records cannot be read. How many of the other eight come through?

# %%
# BEGIN SOLUTION
workshop.predict("the slowest source", "S3 bucket")
workshop.predict("milliseconds until half have begun there", 200)
workshop.predict("events refused without permission", 5)
workshop.predict("records that come through", 8)
# INSTEAD
# workshop.predict("the slowest source", ...)
# workshop.predict("milliseconds until half have begun there", ...)
# workshop.predict("events refused without permission", ...)
# workshop.predict("records that come through", ...)
# END SOLUTION

# %% [markdown]
# ## Run: the queue, once more
#
# First the way that you know, for comparison. `texts` makes the same 200 texts at each call, and `compared` sends
# them at the same rate through each source. It reads the log until all have ended. Before it begins it sends twenty
# texts that do not count, so that no source pays for the cold starts of the functions.


# %%
def texts():
    return list(messages.generate(200, seed=9))


compared = session.Sources(names, texts, rate=25)
before = set(exercises.survivors(names))  # of earlier notebooks

# %% tags=["nbval-ignore-output"]
compared.wake()
compared.through_queue()
compared.rounds["SQS queue"].executions["status"].value_counts()

# %%
self_checks.answer(
    "all 200 succeeded",
    expected={"SUCCEEDED": 200},
    observed=compared.rounds["SQS queue"].ends(),
    look_at="compared.rounds; was a notebook before this one left half-way?",
)

# %% [markdown]
# ## Run: a rule
#
# AWS's page about the sample from which this workshop was made names two ways to start the workflow. The function
# behind the queue is the second; this is the first. Nobody polls. You tell EventBridge what happened, and a *rule* says
# what is to be done then. EventBridge starts the workflow itself, in the name of a role that may do that and nothing
# else.


# %%
def make_role(exercise, service, **allowed):
    role = exercises.name(names, exercise)
    workshop.create(
        iam.create_role,
        RoleName=role,
        AssumeRolePolicyDocument=documents.policy(
            "trust", {"Service": f"{service}.amazonaws.com"}
        ),
        Tags=tags.as_pairs(here.name, here.run),
    )
    for policy, statement in allowed.items():
        allow(role, policy, statement)
    return names.role_arn(role)


def allow(role, policy, statement):
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(
        RoleName=role,
        PolicyName=policy,
        PolicyDocument=json.dumps(document),
    )


def may(actions, *resources):
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


# %%
rules_role = make_role(
    "rules",
    "events",
    start=may(["states:StartExecution"], names.state_machine_arn),
)

# %% [markdown]
# The pattern lists, for each field of an event, the values that match. A text of ours says where it is from, and that
# it is a text.

# %%
rule = exercises.name(names, "texts")
pattern = {"source": ["express-lab"], "detail-type": ["Text"]}


def put_rule(rule, pattern):
    workshop.create(
        events.put_rule,
        Name=rule,
        EventPattern=json.dumps(pattern),
        Tags=tags.as_pairs(here.name, here.run),
    )


put_rule(rule, pattern)

# %% [markdown]
# The whole event is not what the workflow wants: it wants `input`. The *input transformer* takes parts of the event,
# each under a name, and puts them into a template.

# %%
transformer = {
    "InputPathsMap": {
        "lab_id": "$.detail.lab_id",
        "input": "$.detail.input",
    },
    "InputTemplate": '{"lab_id": <lab_id>, "input": <input>}',
}
workflow_target = {
    "Id": "workflow",
    "Arn": names.state_machine_arn,
    "RoleArn": rules_role,
    "InputTransformer": transformer,
}


def put_target(rule, target):
    # A rule and a role that are new may take a while to be known on AWS.
    workshop.create(events.put_targets, Rule=rule, Targets=[target])


put_target(rule, workflow_target)

# %% [markdown]
# `PutEvents` takes up to ten events at once. It may take some of them and refuse others, and its answer has an entry
# for each. Who does not look into the answer loses events.


# %%
def put_events(bodies):
    entries = [
        {"Source": "express-lab", "DetailType": "Text", "Detail": body}
        for body in bodies
    ]
    answer = events.put_events(Entries=entries)
    return [entry.get("ErrorCode") for entry in answer["Entries"]]


# %% tags=["nbval-ignore-output"]
by_rule = compared.through("EventBridge rule", put_events)
by_rule.executions["status"].value_counts()

# %%
self_checks.answer(
    "200 events, 200 workflows that succeeded",
    expected={"SUCCEEDED": 200},
    observed=by_rule.ends(),
    look_at="by_rule.messages, and the rule: events.list_targets_by_rule",
)

# %% [markdown]
# The rule stays: you need it again below.
#
# ## Run: a bucket
#
# Somebody uploads a text, and a workflow begins. S3 tells EventBridge of each upload, if the bucket is told to. But it
# tells that an object is there, and not what is in it. So the workflow must read it first.

# %%
bucket = sources.bucket_name(names.prefix, here.account)
place = {}
if here.region != "us-east-1":  # which is where buckets are made otherwise
    place["CreateBucketConfiguration"] = {"LocationConstraint": here.region}
workshop.create(s3.create_bucket, Bucket=bucket, **place)
s3.put_bucket_tagging(
    Bucket=bucket, Tagging={"TagSet": tags.as_pairs(here.name, here.run)}
)
_ = s3.put_bucket_notification_configuration(
    Bucket=bucket,
    NotificationConfiguration={"EventBridgeConfiguration": {}},
)

# %% [markdown]
# The definition is the sample's, with one state before the others. Step Functions calls S3 itself, without a function:
# what stands behind `aws-sdk:s3` is the name of the call. (Nearly all calls of AWS can be made like this. A state holds
# 256 KiB at most, so it can read texts, and no videos.) S3 gives a text, `States.StringToJson` reads it as JSON, and
# `OutputPath` hands on nothing but that.


# %%
def after(first_name, first_state):
    definition = documents.definition("text_processing", names.substitutions)
    first_state["Next"] = definition["StartAt"]
    definition["StartAt"] = first_name
    definition["States"] = {first_name: first_state, **definition["States"]}
    definition["Comment"] = "The sample's workflow, behind one state more"
    return definition


read_object = {
    "Type": "Task",
    "Resource": f"arn:{here.partition}:states:::aws-sdk:s3:getObject",
    "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.lab_id"},
    "ResultSelector": {"message.$": "States.StringToJson($.Body)"},
    "OutputPath": "$.message",
}
objects_definition = after("Read the object", read_object)
charts.state_machine_graph(objects_definition)

# %%
deliver_logs = may(
    json.loads(documents.policy("deliver_logs", {}))["Statement"][0]["Action"],
    "*",
)
invoke = may(
    ["lambda:InvokeFunction"],
    *(names.function_arn(folder) for folder in stack.PIPELINE_FUNCTIONS),
)
objects_role = make_role(
    "objects",
    "states",
    logs=deliver_logs,
    invoke=invoke,
    read=may(["s3:GetObject"], f"arn:{here.partition}:s3:::{bucket}/*"),
)


# %%
def make_machine(exercise, definition, role):
    machine = exercises.name(names, exercise)
    group = f"/aws/vendedlogs/states/{machine}"
    workshop.create(
        logs.create_log_group,
        logGroupName=group,
        tags=tags.as_mapping(here.name, here.run),
    )
    to = {
        "cloudWatchLogsLogGroup": {"logGroupArn": names.log_group_arn(group)}
    }
    workshop.create(
        workflows.create_state_machine,
        name=machine,
        type="EXPRESS",
        definition=json.dumps(definition),
        roleArn=role,
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [to],
        },
        tags=tags.as_pairs(here.name, here.run, key="key", value="value"),
    )
    return exercises.state_machine_arn(names, exercise), group


# %%
objects_arn, objects_group = make_machine(
    "objects", objects_definition, objects_role
)

# %% [markdown]
# One more rule. Its pattern names the bucket, for the default bus has the events of all buckets. Its target is the new
# state machine, and the role of the rules may start that one as well.

# %%
allow(
    exercises.name(names, "rules"),
    "start",
    may(["states:StartExecution"], names.state_machine_arn, objects_arn),
)
uploads = exercises.name(names, "uploads")
uploaded = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": [bucket]}},
}
put_rule(uploads, uploaded)
which_object = {
    "InputPathsMap": {
        "bucket": "$.detail.bucket.name",
        "key": "$.detail.object.key",
    },
    "InputTemplate": '{"bucket": <bucket>, "lab_id": <key>}',
}
objects_target = {"Arn": objects_arn, "InputTransformer": which_object}
put_target(uploads, workflow_target | objects_target)


# %%
def put_objects(bodies):
    for body in bodies:
        key = json.loads(body)["lab_id"]
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())


# %% tags=["nbval-ignore-output"]
by_bucket = compared.through("S3 bucket", put_objects, log_group=objects_group)
by_bucket.executions["status"].value_counts()

# %%
self_checks.answer(
    "200 uploads, 200 workflows that succeeded",
    expected={"SUCCEEDED": 200},
    observed=by_bucket.ends(),
    look_at="by_bucket.executions, the columns error and cause",
)

# %% [markdown]
# Take it away again: what starts work first, then what does it. A rule can go when it has no targets, a bucket when it
# is empty.


# %%
def delete_rule(rule):
    events.remove_targets(Rule=rule, Ids=["workflow"])
    workshop.delete(events.delete_rule, Name=rule)


def delete_role(exercise):
    role = exercises.name(names, exercise)
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.delete_role(RoleName=role)


delete_rule(uploads)
workflows.delete_state_machine(stateMachineArn=objects_arn)
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
workshop.delete(s3.delete_bucket, Bucket=bucket)
delete_role("objects")
workshop.delete(logs.delete_log_group, logGroupName=objects_group)

# %% [markdown]
# ## Run: a stream and a table
#
# A queue forgets a message when it is done. A *stream* keeps its records for a day or longer, in their order, and each
# reader has a place of its own in it. Here are two of them: a stream of Kinesis, and the changes of a table of DynamoDB.
# Between either and the workflow stands a function, as with the queue, and the same one serves both.

# %%
reader_code = """
import base64
import json
import os

import boto3

step_functions = boto3.client("stepfunctions")


def body_and_number(record):
    if "kinesis" in record:
        place = record["kinesis"]
        body = base64.b64decode(place["data"]).decode()
        return body, place["sequenceNumber"]
    change = record["dynamodb"]
    return change["NewImage"]["body"]["S"], change["SequenceNumber"]


def lambda_handler(event, context):
    for record in event["Records"]:
        body, number = body_and_number(record)
        try:
            json.loads(body)
            step_functions.start_execution(
                stateMachineArn=os.environ["STATE_MACHINE_ARN"], input=body
            )
        except Exception as error:
            print(repr(error))
            # This record and all behind it come again: the order is kept.
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
"""

# %%
stream = exercises.name(names, "stream")
table = exercises.name(names, "table")
stream_arn = f"arn:{here.partition}:kinesis:{here.region}:{here.account}"
stream_arn += f":stream/{stream}"
table_arn = f"arn:{here.partition}:dynamodb:{here.region}:{here.account}"
table_arn += f":table/{table}"
reading = ["DescribeStream", "GetRecords", "GetShardIterator"]
of_kinesis = [*reading, "DescribeStreamSummary", "ListShards"]
of_dynamodb = [*reading, "ListStreams"]
reader = exercises.name(names, "stream-reader")
reader_logs = f"/aws/lambda/{reader}"
reader_role = make_role(
    "stream-reader",
    "lambda",
    start=may(["states:StartExecution"], names.state_machine_arn),
    logs=may(
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        names.log_group_arn(reader_logs),
    ),
    stream=may(
        [f"kinesis:{action}" for action in of_kinesis], stream_arn + "*"
    ),
    table=may(
        [f"dynamodb:{action}" for action in of_dynamodb],
        table_arn + "/stream/*",
    ),
    keep=may(
        ["sqs:SendMessage"], names.queue_arn(exercises.name(names, "unread"))
    ),
)

# %%
workshop.create(
    logs.create_log_group,
    logGroupName=reader_logs,
    tags=tags.as_mapping(here.name, here.run),
)
workshop.create(
    functions.create_function,
    FunctionName=reader,
    Runtime=here.function_runtime,
    Handler="handler.lambda_handler",
    Role=reader_role,
    Timeout=10,
    Code={"ZipFile": workshop.archive({"handler.py": reader_code})},
    Environment={"Variables": {"STATE_MACHINE_ARN": names.state_machine_arn}},
    Tags=tags.as_mapping(here.name, here.run),
)
functions.get_waiter("function_active_v2").wait(FunctionName=reader)
nothing = json.dumps({"Records": []})  # it is warm after that
_ = functions.invoke(FunctionName=reader, Payload=nothing)


# %% [markdown]
# A stream has a number of shards, here one. A table has a stream when you ask for one. `NEW_IMAGE` says that each of its
# records holds the item as it is after the change.


# %%
def make_stream(stream):
    workshop.create(
        kinesis.create_stream,
        StreamName=stream,
        ShardCount=1,
        Tags=tags.as_mapping(here.name, here.run),
    )
    kinesis.get_waiter("stream_exists").wait(StreamName=stream)


make_stream(stream)
workshop.create(
    dynamodb.create_table,
    TableName=table,
    KeySchema=[{"AttributeName": "lab_id", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "lab_id", "AttributeType": "S"}],
    BillingMode="PAY_PER_REQUEST",
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    Tags=tags.as_pairs(here.name, here.run),
)
dynamodb.get_waiter("table_exists").wait(TableName=table)
made = dynamodb.describe_table(TableName=table)["Table"]
table_stream_arn = made["LatestStreamArn"]

# %% [markdown]
# The event source mapping is the same call as for the queue, with one thing more: where in the stream to begin.
# `TRIM_HORIZON` is the oldest record that is there.


# %%
def map_to_reader(source_arn, **settings):
    pair = {"EventSourceArn": source_arn, "FunctionName": reader}
    workshop.create(
        functions.create_event_source_mapping,
        **pair,
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        Tags=tags.as_mapping(here.name, here.run),
        **{"BatchSize": 100} | settings,
    )
    made = functions.list_event_source_mappings(**pair)["EventSourceMappings"]
    mapping_id = made[0]["UUID"]
    workshop.wait_for(
        lambda: (
            functions.get_event_source_mapping(UUID=mapping_id)["State"]
            == "Enabled"
        ),
        "the mapping to read",
    )
    return mapping_id


of_stream = map_to_reader(stream_arn)
of_table = map_to_reader(table_stream_arn)


# %%
def put_records(bodies):
    records = [
        {"Data": body.encode(), "PartitionKey": json.loads(body)["lab_id"]}
        for body in bodies
    ]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    return [record.get("ErrorCode") for record in answer["Records"]]


def put_items(bodies):
    for body in bodies:
        key = json.loads(body)["lab_id"]
        item = {"lab_id": {"S": key}, "body": {"S": body}}
        dynamodb.put_item(TableName=table, Item=item)


# %% tags=["nbval-ignore-output"]
since = here.earliest_now_ms()
by_stream = compared.through("Kinesis stream", put_records)
pages = logs.get_paginator("filter_log_events").paginate(
    logGroupName=reader_logs, startTime=since
)
lines = [event["message"] for page in pages for event in page["events"]]
invoked = sum(line.startswith("REPORT") for line in lines)
print(invoked, "invocations for 200 records")

# %% [markdown]
# Few invocations with many records each. Lambda asks a shard of Kinesis for records **once a second**, and hands over
# all that came meanwhile.

# %%
first, last = by_stream.messages["t_planned"], by_stream.messages["started"]
seconds = (last.max() - first.min()).total_seconds()
self_checks.answer(
    "no more than one invocation a second, and a few at the ends",
    expected=True,
    observed=0 < invoked <= seconds + 4,
    look_at="lines: was another notebook at work with this function?",
)

# %% tags=["nbval-ignore-output"]
by_table = compared.through("DynamoDB table", put_items)
by_table.executions["status"].value_counts()

# %%
self_checks.answer(
    "200 records and 200 items, and a workflow that succeeded for each",
    expected=[{"SUCCEEDED": 200}] * 2,
    observed=[by_stream.ends(), by_table.ends()],
    look_at="the log group of the function: reader_logs",
)

# %% [markdown]
# Take them away: first the mappings, which read, then what they read. The function stays; you need it below.


# %%
def unmap(mapping_id):
    workshop.delete(functions.delete_event_source_mapping, UUID=mapping_id)
    workshop.wait_until_gone(
        functions.get_event_source_mapping, UUID=mapping_id
    )


unmap(of_stream)
unmap(of_table)
workshop.delete(kinesis.delete_stream, StreamName=stream)
workshop.delete(dynamodb.delete_table, TableName=table)

# %% [markdown]
# ## Run: a pipe
#
# Between queue and workflow stood `start_execution`, a function that you have to write, deploy and pay for. A *pipe* of
# EventBridge takes its place. It hands the messages of a batch to the workflow as a list, also when there is one only.
# So this workflow begins with a state that takes the first out of the list.

# %%
take_one = {"Type": "Pass", "InputPath": "$[0]"}
pipe_machine_role = make_role(
    "objects", "states", logs=deliver_logs, invoke=invoke
)
pipe_arn, pipe_group = make_machine(
    "pipe", after("Take the one of the batch", take_one), pipe_machine_role
)
pipe_queue = exercises.name(names, "pipe")
pipe_url = workshop.create(
    sqs.create_queue,
    QueueName=pipe_queue,
    Attributes={"VisibilityTimeout": "60"},
    tags=tags.as_mapping(here.name, here.run),
)["QueueUrl"]

# %% [markdown]
# This is a whole pipe: a source, a target, and a template with places of the message in it. `REQUEST_RESPONSE` is the
# synchronous start. When the workflow fails, the message stays in the queue, and comes again. `FIRE_AND_FORGET` is the
# asynchronous one.

# %%
pipe_role = make_role(
    "pipe",
    "pipes",
    take=may(
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        names.queue_arn(pipe_queue),
    ),
    start=may(["states:StartSyncExecution"], pipe_arn),
)
template = '{"lab_id": "<$.body.lab_id>", "input": "<$.body.input>"}'
pipe = {
    "Name": exercises.name(names, "texts"),
    "RoleArn": pipe_role,
    "Source": names.queue_arn(pipe_queue),
    "SourceParameters": {"SqsQueueParameters": {"BatchSize": 1}},
    "Target": pipe_arn,
    "TargetParameters": {
        "InputTemplate": template,
        "StepFunctionStateMachineParameters": {
            "InvocationType": "REQUEST_RESPONSE"
        },
    },
}
workshop.show_json(pipe)

# %% [markdown]
# On AWS `CreatePipe` is all. LocalStack has no pipes in its free edition. So where the lab runs on LocalStack, the next
# cell does what a pipe does: it takes messages, fills in the template, waits for the workflow, and deletes the message
# only when that has succeeded.


# %%
def carry(message):
    filled = template
    for name, value in json.loads(message["Body"]).items():
        filled = filled.replace(f"<$.body.{name}>", str(value))
    answer = workflows.start_sync_execution(
        stateMachineArn=pipe_arn, input=f"[{filled}]"
    )
    if answer["status"] == "SUCCEEDED":
        handle = message["ReceiptHandle"]
        sqs.delete_message(QueueUrl=pipe_url, ReceiptHandle=handle)


def be_a_pipe(stopped):
    with ThreadPoolExecutor(5) as pool:
        while not stopped.is_set():
            taken = sqs.receive_message(
                QueueUrl=pipe_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            list(pool.map(carry, taken.get("Messages", [])))


# %%
stopped = threading.Event()
if here.is_emulator:
    poller = threading.Thread(target=be_a_pipe, args=[stopped], daemon=True)
    poller.start()
else:
    pipes = here.client("pipes")
    workshop.create(
        pipes.create_pipe, **pipe, Tags=tags.as_mapping(here.name, here.run)
    )
    workshop.wait_for(
        lambda: (
            pipes.describe_pipe(Name=pipe["Name"])["CurrentState"] == "RUNNING"
        ),
        "the pipe to run",
    )


# %%
def send_messages(bodies):
    entries = [
        {"Id": str(number), "MessageBody": body}
        for number, body in enumerate(bodies)
    ]
    answer = sqs.send_message_batch(QueueUrl=pipe_url, Entries=entries)
    failed = {one["Id"]: one["Code"] for one in answer.get("Failed", [])}
    return [failed.get(str(number)) for number in range(len(bodies))]


# %% tags=["nbval-ignore-output"]
by_pipe = compared.through(
    "SQS and a pipe", send_messages, log_group=pipe_group
)
by_pipe.executions["status"].value_counts()

# %%
self_checks.answer(
    "200 messages, 200 workflows that succeeded, and no function between them",
    expected={"SUCCEEDED": 200},
    observed=by_pipe.ends(),
    look_at="by_pipe.executions, the columns error and cause",
)

# %%
stopped.set()
if here.is_emulator:
    poller.join()
else:
    workshop.delete(pipes.delete_pipe, Name=pipe["Name"])
    workshop.wait_until_gone(pipes.describe_pipe, Name=pipe["Name"])
workflows.delete_state_machine(stateMachineArn=pipe_arn)
workshop.delete(sqs.delete_queue, QueueUrl=pipe_url)
delete_role("pipe")
delete_role("objects")
workshop.delete(logs.delete_log_group, logGroupName=pipe_group)

# %% [markdown]
# ## Read the result: the same words
#
# Six sources, 1,200 messages, and 200 texts. Whatever a text came through, the same words must come out.

# %%
words = compared.words()
words.sum().to_frame("words that came out")

# %%
went_in = messages.expected_word_counts(texts())
self_checks.answer(
    "each source gave the words that went in, each as often",
    expected=[dict(sorted(went_in.items()))] * 6,
    observed=[words[source].to_dict() for source in words],
    look_at="words; a source that gives fewer has lost a text",
)

# %% [markdown]
# ## Read the result: how long each takes
#
# From the moment at which a text was to be sent until its workflow began. From there on all are alike, but for the one
# state more of bucket and pipe.

# %% tags=["nbval-ignore-output"]
begun = analysis.percentiles_by_source(compared.table())
charts.latency_by_source(begun)

# %% tags=["nbval-ignore-output"]
half = begun.set_index("source")["p50"]
workshop.compare("the slowest source", half.idxmax())
workshop.compare(
    "milliseconds until half have begun there", float(half.max() * 1000)
)
(begun.set_index("source")[["p50", "p90", "p99", "max"]] * 1000).round()

# %%
self_checks.answer(
    "half of the texts began no later than all of them, in each of six",
    expected=[True] * 6,
    observed=(begun["p50"] <= begun["max"]).tolist(),
    look_at="begun, the table above",
)

# %% [markdown]
# Why? Lambda asks each shard of Kinesis once a second, and each shard of a table's stream four times. Only while there
# is more to read it goes on at once. So a record of Kinesis waits half a second on average, and one of a
# table an eighth. A queue is asked with *long polling*: the call waits there until a message comes. EventBridge and S3
# push, and nobody waits for a poll. (The lab's LocalStack asks streams as often as Lambda does.)
#
# Is the bucket the slowest of yours? In the lab one process stores the object, matches the event and starts the
# workflow. On a busy machine it may not keep up, and then each upload waits for those before it. Such a wait is your
# machine's. AWS has one of its own: it says that events of S3 typically come within seconds, and sometimes after a
# minute or more.
#
# ## Run: what each loses
#
# Nothing was lost so far, and nothing failed. What happens when something does?
#
# | source | tries again | what is given up goes | in order |
# |---|---|---|---|
# | SQS, function | `maxReceiveCount` times; if nobody sets it, for 4 days | to the queue's dead-letter queue | no |
# | rule | what may pass: for 24 hours, 185 times; **nothing else** | to the *target's* dead-letter queue | no |
# | S3, rule | the same; S3 tells at least once | the same; the object is still there | no |
# | Kinesis, function | until the record is too old, 24 hours | nowhere; word of it to a destination | in a shard |
# | DynamoDB, function | the same, always 24 hours | the same | for an item |
# | SQS, pipe | as SQS; after a synchronous start also a failed workflow | as SQS | no |
#
# Where none of these places is set, what is given up is gone. “What may pass” is an error that can end by itself: the
# target has too much to do, or cannot be reached. A missing permission, or a missing target, stays missing. (Kinesis
# keeps records for 24 hours unless you set a longer time, up to a year, which costs more.)
#
# See the second row with your own eyes. Somebody tidies up, and takes from the role of the rules what it may do.

# %%
iam.delete_role_policy(
    RoleName=exercises.name(names, "rules"), PolicyName="start"
)
workshop.settle(here)
five = list(messages.generate(5, seed=91))
refused = put_events([message.body for message in five])
print("events that were refused:", 5 - refused.count(None))
workshop.compare("events refused without permission", 5 - refused.count(None))

# %%
watch = session.Watch(names)
watch.until_drained(5, patience_s=2)
self_checks.answer(
    "EventBridge took all five, and no workflow began",
    expected=([None] * 5, 0),
    observed=(refused, len(watch.tables()[0])),
    look_at="refused, and the policies of the role",
)

# %% [markdown]
# `PutEvents` says that EventBridge has your event, and nothing of its targets. A refusal for want of permission is not
# tried again, and nobody is told. On AWS a metric counts it, `FailedInvocations`; the event is gone. Exercise 2 saves it.
#
# Now the fourth row. A new stream with nine records in one shard, and the fifth is not JSON. The function says so, and
# since it reads a stream, that record comes again with all behind it. The mapping has the settings that it has when
# nobody says anything.

# %%
nine = list(messages.generate(9, seed=94))


def send_nine(stream_name, patience_s, **settings):
    poisoned = f"{stream}-{stream_name}"
    make_stream(poisoned)
    records = [
        {"Data": message.body.encode(), "PartitionKey": "one shard"}
        for message in nine
    ]
    records[4]["Data"] = b"{"
    watch = session.Watch(names)
    kinesis.put_records(StreamName=poisoned, Records=records)
    mapping_id = map_to_reader(
        stream_arn.replace(stream, poisoned), **settings
    )
    watch.until_drained(8, patience_s=patience_s)
    unmap(mapping_id)
    workshop.delete(kinesis.delete_stream, StreamName=poisoned)
    return set(watch.tables()[0]["lab_id"])


patience_s = 6 if here.is_emulator else 45
came_through = send_nine("poisoned", patience_s)
workshop.compare("records that come through", len(came_through))

# %%
self_checks.answer(
    "the four before the bad record came through, and none behind it",
    expected={message.lab_id for message in nine[:4]},
    observed=came_through,
    look_at="came_through, and the log group reader_logs",
)

# %% [markdown]
# The others wait for the bad record for as long as the stream keeps it, a day. Had the function raised an error in place
# of naming the record, the first four would come again, too, each time. Exercise 3 lets the other four through.
#
# ## Your turn
#
# ### Exercise 1: only some events
#
# A workflow for each text is too much: you want the long ones alone. Give the rule a pattern that is matched by texts of
# our source with 100 words or more. How many words a text has stands in `detail`, in the field `words`. A pattern can
# compare numbers: look for `numeric` in the page about patterns, at the end of this notebook.

# %%
allow(
    exercises.name(names, "rules"),
    "start",
    may(["states:StartExecution"], names.state_machine_arn),
)
# BEGIN SOLUTION
my_pattern = pattern | {"detail": {"words": [{"numeric": [">=", 100]}]}}
# INSTEAD
# my_pattern = pattern  # your pattern here
# END SOLUTION
put_rule(rule, my_pattern)
workshop.settle(here)


# %%
def with_words(message):
    body = json.loads(message.body)
    return json.dumps(body | {"words": sum(message.word_counts.values())})


twenty = list(messages.generate(20, seed=92))
watch = session.Watch(names)
for ten in (twenty[:10], twenty[10:]):
    put_events([with_words(message) for message in ten])
wanted = sum(sum(one.word_counts.values()) >= 100 for one in twenty)
watch.until_drained(wanted, patience_s=10)
started = set(watch.tables()[0]["lab_id"])

# %%
self_checks.exercise_pattern(twenty, started)

# %% [markdown]
# ### Exercise 2: keep what cannot be delivered
#
# The role of the rules loses its permission again. Let nothing be lost this time: give the target a dead-letter queue.
# The queue is there, and EventBridge may send to it. Look for `DeadLetterConfig` in the call `PutTargets`.

# %%
undelivered = exercises.name(names, "undelivered")
send = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": names.queue_arn(undelivered),
}
undelivered_url = workshop.create(
    sqs.create_queue,
    QueueName=undelivered,
    Attributes={
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [send]})
    },
    tags=tags.as_mapping(here.name, here.run),
)["QueueUrl"]

# %%
# BEGIN SOLUTION
letters = {"DeadLetterConfig": {"Arn": names.queue_arn(undelivered)}}
my_target = workflow_target | letters
# INSTEAD
# my_target = workflow_target  # your target here
# END SOLUTION
put_rule(rule, pattern)
put_target(rule, my_target)
iam.delete_role_policy(
    RoleName=exercises.name(names, "rules"), PolicyName="start"
)
workshop.settle(here)
five = list(messages.generate(5, seed=93))
_ = put_events([message.body for message in five])

# %%
kept = workshop.received(
    here, undelivered_url, 5, attributes=["ERROR_CODE", "RETRY_ATTEMPTS"]
)

# %%
self_checks.exercise_undelivered(five, kept)

# %% [markdown]
# (If you solved it: a dead letter of a rule is the event itself, and its attributes say what went wrong. Mend the role,
# and send the events again.)

# %%
delete_rule(rule)
workshop.delete(sqs.delete_queue, QueueUrl=undelivered_url)
delete_role("rules")

# %% [markdown]
# ### Exercise 3: let the others through
#
# You saw one record hold up all behind it. Choose settings for the mapping that let the other eight through after one
# more try, and that send word of the bad one to the queue `unread`. Look for `MaximumRetryAttempts` and
# `DestinationConfig` in the call `CreateEventSourceMapping`. What Lambda gives up is not a record but a *batch*, from the
# bad record on. So one more setting is needed.

# %%
unread = exercises.name(names, "unread")
unread_url = workshop.create(
    sqs.create_queue,
    QueueName=unread,
    tags=tags.as_mapping(here.name, here.run),
)["QueueUrl"]
# BEGIN SOLUTION
my_settings = {
    "BatchSize": 1,
    "MaximumRetryAttempts": 1,
    "DestinationConfig": {
        "OnFailure": {"Destination": names.queue_arn(unread)}
    },
}
# INSTEAD
# my_settings = {}  # your settings here
# END SOLUTION
through = send_nine("yours", 10 if here.is_emulator else 60, **my_settings)
told = workshop.received(here, unread_url, 1)

# %%
self_checks.exercise_poisoned(nine, through, told)

# %% [markdown]
# (If you solved it: what is in the queue is not the record. It is *where* it was, a shard and a number. The stream still
# has it, until it is too old. A dead-letter queue of a queue has the message itself. Batches of one are dear: one
# invocation a record. In earnest `BisectBatchOnFunctionError` keeps large batches, and splits one that fails in two until
# the bad record is alone. LocalStack does not know it.)

# %%
workshop.delete(sqs.delete_queue, QueueUrl=unread_url)
workshop.delete(functions.delete_function, FunctionName=reader)
delete_role("stream-reader")
workshop.delete(logs.delete_log_group, logGroupName=reader_logs)

# %% [markdown]
# ## As it was
#
# Is all of it gone? Here is what the lab finds that was not there before this notebook:

# %%
workshop.wait_for(
    lambda: set(exercises.survivors(names)) <= before,
    "everything to be gone",
)
self_checks.answer(
    "nothing of this notebook is left",
    expected=[],
    observed=sorted(set(exercises.survivors(names)) - before),
    look_at="the names in the list; notebook 99 takes them away, too",
)

# %% [markdown]
# ## Recap
#
# - EventBridge and S3 push: a rule with a pattern chooses the events, a transformer makes the input, and no function
#   stands between. S3 tells of an object, and the workflow reads it.
# - Lambda polls streams and queues. A queue hands a message to one reader and forgets it when that one is done; a stream
#   keeps its records in order, and one bad record holds up its shard.
# - A pipe saves you the function, and with a synchronous start it also knows how the workflow ended.
# - Each source loses in another place: look for the dead-letter queue of the queue, of the target, of the mapping.
# - All of them deliver at least once. The advice of notebook 06 holds for each.
#
# Next: `10_cost_and_quotas`. What would all this cost on AWS, and which limits would it meet there?

# %% [markdown]
# ## Roads not taken
#
# - **A pipe from a stream.** Pipes read Kinesis and DynamoDB as well, and give up a record as a mapping does.
# - **Batches.** A pipe, or a function behind a mapping, can hand ten texts to one execution with a `Map` state in it. That
#   needs a tenth of the starts. When one of ten fails, the workflow must say which.
# - **Enhanced fan-out.** A reader of Kinesis with a connection of its own is told of records at once, and costs extra.
# - **Archive and replay.** EventBridge can keep all events of a bus, and send them again.
# - **A custom event bus.** AWS advises this newer kind for new applications. It keeps its events, and has *subscribers*
#   in place of rules. If nobody sets more, they try again five times at most, and for five minutes. (The default bus, to
#   which S3 tells, has rules.)
# - **S3 without EventBridge.** A bucket can also tell a queue, a topic or a function itself.

# %% [markdown]
# ## Sources
#
# - [Event patterns](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html) and
#   [comparisons in them](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html)
# - [Input transformer](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html)
# - [Retries of a rule](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html),
#   [its dead-letter queue](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html), and
#   [retries of a subscriber](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html)
# - [S3 and EventBridge](https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html); events come
#   [at least once](https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html)
# - [Lambda and Kinesis](https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html),
#   [what it does with errors](https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html),
#   [what its role must be allowed](https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaKinesisExecutionRole.html)
# - [Lambda and DynamoDB](https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html)
# - [Pipes with a queue](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html),
#   [batches](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html)

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("09")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("09", "a", "b", "c", "a")
# INSTEAD
# workshop.answer_quiz("09", ..., ..., ..., ...)
# END SOLUTION
