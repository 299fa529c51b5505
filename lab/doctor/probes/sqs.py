"""Queues: messages in batches, redrive, dead letters moved back."""

from __future__ import annotations

from lab.doctor.probes.place import DEADLINE_S, DiffersError, Place
from lab.stack import Settings, mapping, queues, waiting


def queues_with_redrive(place: Place) -> str:
    queues.ensure(place.names, Settings(function_timeout_s=1, max_receive_count=2))
    found = place.client("sqs").get_queue_attributes(QueueUrl=place.queue_url, AttributeNames=["All"])["Attributes"]
    if "RedrivePolicy" not in found or found.get("VisibilityTimeout") != "6":
        raise DiffersError("the queue does not keep its attributes")
    return "two queues, redrive policy"


def messages_in_batches(place: Place) -> str:
    sqs, url = place.client("sqs"), place.queue_url
    entries = [{"Id": str(number), "MessageBody": f"{number}"} for number in range(10)]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    if len(sent.get("Successful", [])) != len(entries):
        raise DiffersError("a batch of ten was not taken whole")
    taken = 0
    for _ in range(20):
        lot = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages", [])
        for message in lot:
            taken += 1
            if "SentTimestamp" not in message.get("Attributes", {}):
                raise DiffersError("messages do not say when they were sent")
            sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}])
        if taken == len(entries):
            return "sent, received and deleted in batches"
    raise DiffersError(f"{taken} of {len(entries)} messages came back")


def dead_letters_moved_back(place: Place) -> str:
    sqs, names = place.client("sqs"), place.names
    mapping.set_enabled(names, False)
    sqs.start_message_move_task(
        SourceArn=names.queue_arn(names.dead_letter_queue), DestinationArn=names.queue_arn(names.queue)
    )

    def back() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=place.queue_url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) > 0

    waiting.until(back, what="the dead letter to come back", deadline_s=DEADLINE_S)
    return "a dead letter moved back into the queue"
