"""In CI a skip is a failure: a green run has run everything.

One exception: tests marked ``shared`` where ``../shared`` is not beside the clone. It is no part of the project.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from tests.support.paths import SHARED


def in_ci() -> bool:
    """Is this CI, where everything has to run?"""
    return os.environ.get("CI") == "true"


def _reason(report: Any) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)


def _fail(report: Any) -> None:
    report.longrepr = f"{report.nodeid} was skipped, and in CI a skip is a failure. {_reason(report)}"
    report.outcome = "failed"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    excused = item.get_closest_marker("shared") is not None and not SHARED.is_dir()
    if in_ci() and report.skipped and not hasattr(report, "wasxfail") and not excused:
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if in_ci() and report.skipped:
        _fail(report)
    return report
