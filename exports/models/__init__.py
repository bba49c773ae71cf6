"""Configs (what to export), reports (one run each), artifacts (delivered files), links and downloads."""

from exports.models.artifact import Artifact, LineIndex
from exports.models.config import ExportConfig
from exports.models.delivered_rows import DeliveredRows
from exports.models.link import DeletedLink, Download, Link
from exports.models.proof import Proof, ProofNight
from exports.models.report import ExportReport
from exports.models.slice import Slice
from exports.models.sweep import SinkSweep
from exports.models.tried_path import TriedPath

__all__ = [
    "Artifact",
    "DeletedLink",
    "DeliveredRows",
    "Download",
    "ExportConfig",
    "ExportReport",
    "LineIndex",
    "Link",
    "Proof",
    "ProofNight",
    "SinkSweep",
    "Slice",
    "TriedPath",
]
