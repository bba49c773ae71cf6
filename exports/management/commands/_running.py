"""What the commands share that run an export in the foreground: flags, a folder to deliver into, what they print."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from connections.sinks import SINKS
from connections.sinks.local import refuse_unless_free
from exportadmin.lib.command import FAILED
from exportadmin.lib.errors import UserError
from exports.delivery.destination import delivery_of
from exports.display.check_value_tables import note_texts
from exports.display.made_by import made_by
from exports.display.representation import report_json
from exports.formats import FORMATS
from exports.models import ExportReport
from exports.spec.labels import labels_note
from exports.spec.spec import MAX_REFUSED, ExportSpec


def add_flags(parser: ArgumentParser) -> None:
    """Format, parts, options, refused rows, name, output."""
    parser.add_argument("--format", required=True, choices=sorted(FORMATS))
    parser.add_argument("--include", action="append", metavar="PART", help="part to include (all); repeatable")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the format")
    parser.add_argument(
        "--destination",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"kind={'|'.join(sorted(SINKS))}, its connection, its settings (this machine); repeatable",
    )
    parser.add_argument(
        "--max-refused", type=float, metavar="N", help=f"share of rows that may be refused, 0 to 1 ({MAX_REFUSED})"
    )
    parser.add_argument("--name", default="", metavar="N")
    parser.add_argument("--output", type=Path, metavar="DIR", help="deliver into this new or empty folder")
    parser.add_argument("--json", action="store_true", help="print the report as REST does")


def named_values(pairs: Sequence[str], flag: str) -> dict[str, str]:
    """``["profile=exact"]`` → ``{"profile": "exact"}``. Raises :class:`UserError`."""
    choices: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--{flag} {pair!r} is not NAME=VALUE", field=flag)
        if name in choices:
            raise UserError(f"--{flag} {name} is given twice", field=flag)
        choices[name] = value
    return choices


def delivering(spec: ExportSpec, options: Mapping[str, Any]) -> ExportSpec:
    """``--output`` delivers into a folder, which stays its owner's. Raises :class:`UserError` when it is not free."""
    folder: Path | None = options["output"]
    if folder is None:
        return spec
    if options["destination"]:
        raise UserError("give --output or --destination, not both", field="output")
    folder = folder.expanduser().absolute()
    refuse_unless_free(folder)
    return dataclasses.replace(spec, destination={"kind": "local", "folder": str(folder)})


def print_report(report: ExportReport, out: OutputWrapper, *, as_json: bool) -> None:
    """What came out. Raises :class:`CommandError` (exit code 1) when nothing was delivered."""
    if as_json:
        out.write(json.dumps(report_json(report), ensure_ascii=False, indent=2))
    elif report.is_delivered:
        _print_figures(report, out)
    if not report.is_delivered:
        raise CommandError(f"export {report.status}: {report.error}", returncode=FAILED)


def _print_figures(report: ExportReport, out: OutputWrapper) -> None:
    values = report.check_values or {}
    if report.made_by:
        _print_platform_figures(report, out)
        return
    dropped = sum(values["rows_dropped"].values())
    reasons = ", ".join(f"{key} {count:,}" for key, count in values["rows_dropped"].items())
    codes = ", ".join(f"{code} {count:,}" for code, count in values["rows_refused"].items())
    refused = f" + {sum(values['rows_refused'].values()):,} refused ({codes})" if codes else ""
    out.write(
        f"report {report.report_id} {report.status}: {values['rows_read']:,} rows read ="
        f" {values['rows_kept']:,} kept + {dropped:,} dropped{f' ({reasons})' if reasons else ''}{refused};"
        f" {values['annotations']:,} annotations"
    )
    if values["left_out_by_format"]:
        left_out = ", ".join(
            f"{kind.replace('_', ' ')} {count:,}" for kind, count in sorted(values["left_out_by_format"].items())
        )
        out.write(f"note: left out of {report.format}: {left_out}")
    if note := labels_note(values["labels"]):
        out.write(f"note: {note}")
    for text in note_texts(report.format, values):
        out.write(f"note: {text}")
    _print_files(report, out)


def _print_platform_figures(report: ExportReport, out: OutputWrapper) -> None:
    """What is not known is said so."""
    values = report.check_values or {}
    rows, annotations = (
        "an unknown number of" if values[key] is None else f"{values[key]:,}" for key in ("rows_kept", "annotations")
    )
    proved = "" if report.is_proved else f", delivered by {report.made_by}, not proved"
    out.write(
        f"report {report.report_id} {report.status}: made by {report.made_by} (its id {report.remote_id}){proved}; "
        f"{rows} rows, {annotations} annotations"
    )
    _print_files(report, out)


def _print_files(report: ExportReport, out: OutputWrapper) -> None:
    made = made_by(report)
    address = (made.place if made and made.place else delivery_of(report).address).rstrip("/")
    for artifact in report.artifacts.all():
        out.write(f"{artifact.sha256}  {address}/{artifact.name}  ({artifact.bytes:,} bytes)")
