"""The pages. A view parses, asks or calls an action, and renders; nothing is decided here."""

from exports.views.detail import detail
from exports.views.download import download
from exports.views.reports import report_list

__all__ = ["detail", "download", "report_list"]
