"""The HTML report of a run."""

from lab.report.comparison import ComparisonNotWritableError, write_comparison
from lab.report.explanations import EXPLANATIONS, Explanation
from lab.report.write import ReportNotWritableError, write_report

__all__ = [
    "EXPLANATIONS",
    "ComparisonNotWritableError",
    "Explanation",
    "ReportNotWritableError",
    "write_comparison",
    "write_report",
]
