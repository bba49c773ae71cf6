"""``pytest -p tests.support.cases_table``: after the cases a table, a line a file, a column a format."""

from __future__ import annotations

from typing import Any

from tests.support.peers import PYTHON

COLUMNS = {"import": "import", "json": "json", "ndjson": "ndjson", "coco_json": "coco", "csv": "csv", "png": "png"}


def _cases(reporter: Any) -> list[tuple[str, str, dict[str, Any]]]:
    return sorted(
        (
            report.nodeid.partition("[")[2].rstrip("]"),
            outcome,
            dict(report.user_properties)["case"],
        )
        for outcome in ("passed", "failed")
        for report in reporter.stats.get(outcome, ())
        if "case" in dict(getattr(report, "user_properties", ()))
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print it."""
    write = terminalreporter.write_line
    cases = _cases(terminalreporter)
    terminalreporter.section("cases")
    write(f"{'file':<40} {'kind':>4} " + " ".join(f"{title:<6}" for title in COLUMNS.values()) + " what is right")
    for name, outcome, one in cases:
        checks = one["checks"]
        cells = ["" if what not in checks else "WRONG" if checks[what] else "right" for what in COLUMNS]
        verdict = "FAILED: " if outcome == "failed" else ""
        write(
            f"{name:<40} {one['kind']:>4} " + " ".join(f"{cell:<6}" for cell in cells) + f" {verdict}{one['subject']}"
        )
        for what, wrong in checks.items():
            for message in wrong[:2]:
                write(f"{'':<6}{what}: {' '.join(message.split())[:200]}")
    right = sum(outcome == "passed" for _, outcome, _ in cases)
    write(f"{right} of {len(cases)} files come out right")
    others = (
        "supervision, datumaro, label-studio-sdk"
        if PYTHON.exists()
        else "not asked: supervision, datumaro, label-studio-sdk"
    )
    write(f"readers: pycocotools, pandas, Pillow, json; {others}")
