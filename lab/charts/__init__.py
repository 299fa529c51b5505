"""Charts: functions that take DataFrames and give a matplotlib Figure whose title says the finding.

No chart touches pyplot. The columns that each function needs stand in its docstring; the tables are those of
ARCHITECTURE.md and what ``lab.analysis`` makes of them.
"""

from lab.charts.carrying import cost_of_success, queue_and_age, where_they_ended
from lab.charts.comparison import finding, two_runs
from lab.charts.cost import cost_by_service, express_or_standard
from lab.charts.diagrams import state_machine_graph
from lab.charts.effects import main_effects
from lab.charts.fates import fates
from lab.charts.pipeline import pipeline
from lab.charts.rates import completed_against_offered, corrected_and_naive, latency_by_rate
from lab.charts.room import room_progress
from lab.charts.sources import latency_by_source
from lab.charts.stages import stages_of
from lab.charts.starts import starts
from lab.charts.states import state_times_by_rate, waterfall
from lab.charts.style import Chart, marked
from lab.charts.theory import busy_by_rate, simulated_and_measured, time_and_theory
from lab.charts.timeline import backlog_over_time, latency_heatmap, sent_and_finished
from lab.charts.visited import times_of_states
from lab.charts.way import way_in_parts
from lab.charts.words import rank_frequency, text_statistics, word_frequencies

__all__ = [
    "Chart",
    "backlog_over_time",
    "busy_by_rate",
    "completed_against_offered",
    "corrected_and_naive",
    "cost_by_service",
    "cost_of_success",
    "express_or_standard",
    "fates",
    "finding",
    "latency_by_rate",
    "latency_by_source",
    "latency_heatmap",
    "main_effects",
    "marked",
    "pipeline",
    "queue_and_age",
    "rank_frequency",
    "room_progress",
    "sent_and_finished",
    "simulated_and_measured",
    "stages_of",
    "starts",
    "state_machine_graph",
    "state_times_by_rate",
    "text_statistics",
    "time_and_theory",
    "times_of_states",
    "two_runs",
    "waterfall",
    "way_in_parts",
    "where_they_ended",
    "word_frequencies",
]
