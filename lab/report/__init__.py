"""The HTML report of a run."""

from lab.report.explanations import EXPLANATIONS, Explanation
from lab.report.write import ReportNotWritableError, write_report

__all__ = ["EXPLANATIONS", "Explanation", "ReportNotWritableError", "write_report"]
