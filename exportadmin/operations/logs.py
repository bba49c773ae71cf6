"""Logs on stderr, one JSON object a line (or plain text for people), with the request's id and without secrets.

Every line passes :func:`without_secrets`, whoever wrote it: Django, gunicorn, a library. A traceback is a field of its
line; users never see one.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import orjson
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject

from exportadmin.audit.middleware import caller_request_id, current_request_id
from exportadmin.lib.masking import HIDDEN, hide_opening_paths, looks_secret, scrub_text

JSON, PLAIN = "json", "plain"
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# asked every few seconds by machines: of interest only when they fail
QUIET: Final = ("/healthz", "/readyz", "/metrics", "/static/")

# loggers of the libraries that speak HTTP for us
CLIENTS: Final = ("boto3", "botocore", "s3transfer", "urllib3", "requests")

# the database is away; :mod:`exportadmin.operations.unavailable` answers and logs
OUTAGES: Final = (OperationalError, InterfaceError)

Event = MutableMapping[str, Any]
_FIRST: Final = ("timestamp", "level", "logger", "event", "request_id")
_API_TOKEN = re.compile(r"\bea_[A-Za-z0-9_-]{16,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

log = logging.getLogger("exportadmin.request")


def configuration(level: str, form: str) -> dict[str, Any]:
    """Django's ``LOGGING``. ``form`` is ``json``, ``plain`` or empty: plain on a terminal, else json.

    Raises :class:`ImproperlyConfigured`.
    """
    if level.upper() not in LEVELS:
        raise ImproperlyConfigured(f"EXPORTADMIN_LOG_LEVEL={level!r}: expected one of {', '.join(LEVELS)}")
    form = form or (PLAIN if sys.stderr.isatty() else JSON)
    if form not in (JSON, PLAIN):
        raise ImproperlyConfigured(f"EXPORTADMIN_LOG_FORMAT={form!r}: expected {JSON} or {PLAIN}")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "not_an_outage": {"()": "exportadmin.operations.logs.NotAnOutage"},
            "without_traceback": {"()": "exportadmin.operations.logs.WithoutTraceback"},
        },
        "formatters": {"lines": {"()": "exportadmin.operations.logs.Lines", "form": form}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            # Django's own handlers go: each line is written once, by the root's
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            # refusals are on our own line about the request; here are faults, with their traceback
            "django.security.DisallowedHost": {"filters": ["without_traceback"], "level": "WARNING"},
            "django.request": {"filters": ["not_an_outage"], "level": "ERROR"},
            "axes": {"level": "ERROR"},  # the trail tells it better
            # at DEBUG these write whole requests: headers, signatures, addresses with secrets in their path
            **{name: {"level": "INFO" if level.upper() == "DEBUG" else level.upper()} for name in CLIENTS},
        },
    }


class Lines(logging.Formatter):
    """The formatter of all handlers. structlog is loaded with the first line: most shell commands write none, and it
    takes longer to load than Django."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form
        self._real: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        if self._real is None:
            self._real = formatter(self._form)
        return self._real.format(record)


def formatter(form: str) -> logging.Formatter:
    """structlog's formatter with our processors."""
    import structlog

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_begin, _add_extras],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _name_traceback,
            without_secrets,
            as_json if form == JSON else as_plain,
        ],
    )


class NotAnOutage(logging.Filter):
    """For ``django.request``, which would log each outage as a fault of ours, with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Is it something else?"""
        return not (record.exc_info and isinstance(record.exc_info[1], OUTAGES))


class WithoutTraceback(logging.Filter):
    """For what strangers can cause as often as they like: a line, not forty."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always."""
        record.exc_info = record.exc_text = None
        return True


def _begin(logger: Any, method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    event["timestamp"] = f"{when}.{int(record.msecs):03d}Z"
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    event["pid"] = record.process
    if request_id := current_request_id.get():
        event["request_id"] = request_id
    return event


def _add_extras(logger: Any, method: str, event: Event) -> Event:
    """``extra=`` of the caller, where it is a plain value: never a request object, whose text has the query in it."""
    for name, value in event["_record"].__dict__.items():
        if name not in _STANDARD and name not in event and isinstance(value, str | int | float | bool | None):
            event[name] = value
    return event


def _name_traceback(logger: Any, method: str, event: Event) -> Event:
    if "exception" in event:
        event["traceback"] = event.pop("exception")
    return event


def without_secrets(logger: Any, method: str, event: Event) -> Event:
    """Tokens of links, of invitations and of the API, passwords in addresses, values under secret names."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = HIDDEN if value and looks_secret(name) else mask_text(value)
    return event


def mask_text(text: str) -> str:
    """``text`` without what opens something."""
    return scrub_text(_API_TOKEN.sub(f"ea_{HIDDEN}", hide_opening_paths(text)))


def as_json(logger: Any, method: str, event: Event) -> str:
    """One line."""
    ordered = {name: event[name] for name in _FIRST if name in event}
    ordered.update(event)
    try:
        return orjson.dumps(ordered, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, from a file name or an address
        clean = {name: _printable(value) if isinstance(value, str) else value for name, value in ordered.items()}
        return orjson.dumps(clean, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def as_plain(logger: Any, method: str, event: Event) -> str:
    """``time LEVEL logger: event name=value …``, and the traceback below. Control characters cannot fake a line."""
    known = {name: event.pop(name, "") for name in _FIRST}
    traceback = event.pop("traceback", "")
    event.pop("pid", None)
    if known["request_id"]:
        event["request_id"] = known["request_id"]
    rest = "".join(f" {name}={value}" for name, value in event.items())
    line = f"{known['timestamp']} {known['level'].upper()} {known['logger']}: {known['event']}{rest}"
    line = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", _printable(line))
    return f"{line}\n{_printable(traceback)}" if traceback else line


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class RequestLogMiddleware:
    """One line a request: what was asked, by whom, what came of it, in how many milliseconds. Never its query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        started = time.perf_counter()
        response = self.get_response(request)
        facts = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "duration_ms": round((time.perf_counter() - started) * 1000, 1),
            "user_id": _known_user_id(request),
        }
        if theirs := caller_request_id(request):
            facts["caller_request_id"] = theirs
        log.log(_level(request.path_info, response.status_code), "request", extra=facts)
        return response


def _level(path: str, status: int) -> int:
    if status >= 500:
        return logging.WARNING
    return logging.DEBUG if status < 400 and path.startswith(QUIET) else logging.INFO


def _known_user_id(request: HttpRequest) -> int | None:
    """Whoever was looked up already. A line in the log is no reason to ask the database."""
    user: Any = request.__dict__.get("user")
    if isinstance(user, LazyObject):
        user = request.__dict__.get("_cached_user")
    return getattr(user, "pk", None)
