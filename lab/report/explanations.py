"""What the report says beside each chart, by the name of the chart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """What the report says beside a chart: what it shows, how to read it, what to look for."""

    heading: str
    shows: str
    read: str
    look: str


EXPLANATIONS = {
    "pipeline": Explanation(
        "The way of a message",
        "The parts that a message passes, from the sender to the logs.",
        "Follow the arrows. The dashed arrow is the way of a message that failed again and again.",
        "Where a message can wait: only in the queue.",
    ),
    "state_machine": Explanation(
        "The state machine",
        "The definition of the Express Workflow as a graph.",
        "Each box is a state with its type; arrows say which one comes next.",
        "What an error does: without a Catch, a state that fails ends the whole execution.",
    ),
    "waterfall": Explanation(
        "One execution",
        "When one execution entered and left each of its states.",
        "Time runs to the right. A bar is the time in one state; a gap between bars is time between states.",
        "The longest bar: a faster function elsewhere would change little.",
    ),
    "times_of_states": Explanation(
        "Time in each state",
        "How long visits of each state took, from entering to leaving.",
        "A bar is the median (p50), the tick the p99. A Map or Parallel takes as long as all that it holds.",
        "A state whose tick lies far behind its bar: most visits are quick, and a few are not.",
    ),
    "latency_by_rate": Explanation(
        "Latency by rate",
        "Half of the messages of a stage (p50), nine tenths (p90), all but one in a hundred (p99), and the slowest.",
        "Each stage is one point a line. Time is counted from the planned send time, so a late sender hides nothing.",
        "The rate at which p99 rises while p50 is still low: there the queue begins to fill.",
    ),
    "completed_against_offered": Explanation(
        "Completed against offered",
        "How many executions ended each second against how many messages were offered each second.",
        "On the dashed line everything that comes in also comes out. Below it, the rest waits in the queue.",
        "The bend, and whether the line stays level after it (a limit) or falls (overload). On an emulator this is the "
        "limit of your machine; AWS has other limits.",
    ),
    "backlog_over_time": Explanation(
        "Backlog",
        "Messages that had been sent and had not finished, at each moment of the run.",
        "Bands are stages. When the line is level, the system keeps up; when it rises, more comes in than goes out.",
        "The stage in which it starts to rise, and how long it takes to drain after the last send.",
    ),
    "sent_and_finished": Explanation(
        "Sent and finished",
        "Messages sent and messages finished, both added up over time.",
        "The vertical distance between the lines is the backlog, the horizontal one the time that a message needs.",
        "Where the distance grows: from there on every message waits longer than the one before it.",
    ),
    "corrected_and_naive": Explanation(
        "Corrected and naive latency",
        "The same messages on two clocks: from the planned send time (corrected) and from the actual one (naive).",
        "Where the lines differ, the sender was held up, and the naive clock does not count that wait.",
        "A gap. Without one the naive clock hides nothing, and you can trust both.",
    ),
    "latency_heatmap": Explanation(
        "Latency over time",
        "How many messages had which latency, by the time at which they were planned.",
        "Each cell counts messages; the brighter, the more. The line on top is the slowest message of each moment.",
        "Two bands at the same time (fast and slow messages), and latencies that rise and do not fall again.",
    ),
    "state_times_by_rate": Explanation(
        "Time in states by rate",
        "The mean time in each state, stacked, for each rate.",
        "The height of a bar is the mean time in all states; waiting in the queue is not in it.",
        "A part that grows with the rate: that function is where executions compete for something.",
    ),
    "word_frequencies": Explanation(
        "Most frequent words",
        "How often each of the most frequent words came out of the workflow.",
        "Longer is more frequent; the share of all words stands beside the number.",
        "Small words such as “the” and “and” come first: so it is in nearly every English text.",
    ),
    "rank_frequency": Explanation(
        "Rank and frequency",
        "The frequency of every word against its rank, both on logarithmic axes.",
        "The dotted line is Zipf's law: as many words in all, each rank's count in proportion to 1 / rank.",
        "Steps at the lower right: many words that came out equally often.",
    ),
    "text_statistics": Explanation(
        "Statistics of the texts",
        "How the four statistics that the workflow makes of each text are distributed.",
        "Each bar counts texts; the dashed line is the median, the dotted one the maximum.",
        "Texts far from the others: their states take longer, too.",
    ),
    "cost_by_service": Explanation(
        "Cost by service",
        "What this many messages cost on AWS, one bar a service.",
        "At the longest bar you can save most. The prices, with their date, are in lab/analysis/cost.py.",
        "Logs: with every event and its data logged, they cost more than the workflow itself.",
    ),
    "express_or_standard": Explanation(
        "Express or Standard",
        "The price of a million executions against how long one takes, for both kinds of workflow.",
        "Standard is billed by state transition, whatever the time; Express is billed by time and memory.",
        "Where the curves cross: shorter executions are cheaper as Express, longer ones as Standard. Count the logs, "
        "which only Express needs.",
    ),
}
