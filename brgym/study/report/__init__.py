"""A study's results as one HTML page that needs nothing else: no network, no server, no files beside it."""

from brgym.study.report.page import report_page, write_report

__all__ = ["report_page", "write_report"]
