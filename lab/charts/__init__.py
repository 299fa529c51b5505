"""Charts: functions that take DataFrames and give a matplotlib Figure whose title says the finding.

No chart touches pyplot. The columns that each function needs stand in its docstring; the tables are those of
ARCHITECTURE.md and what ``lab.analysis`` makes of them.
"""

from lab.charts.cost import cost_by_service, express_or_standard
from lab.charts.diagrams import state_machine_graph
from lab.charts.pipeline import pipeline
from lab.charts.rates import completed_against_offered, corrected_and_naive, latency_by_rate
from lab.charts.stages import stages_of
from lab.charts.states import state_times_by_rate, waterfall
from lab.charts.style import Chart, marked
from lab.charts.timeline import backlog_over_time, latency_heatmap, sent_and_finished
from lab.charts.words import rank_frequency, text_statistics, word_frequencies

__all__ = [
    "Chart",
    "backlog_over_time",
    "completed_against_offered",
    "corrected_and_naive",
    "cost_by_service",
    "express_or_standard",
    "latency_by_rate",
    "latency_heatmap",
    "marked",
    "pipeline",
    "rank_frequency",
    "sent_and_finished",
    "stages_of",
    "state_machine_graph",
    "state_times_by_rate",
    "text_statistics",
    "waterfall",
    "word_frequencies",
]
