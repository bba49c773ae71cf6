"""What our shell commands share: one clear line on failure, exit codes 0 / 1 / 2, a progress bar on a terminal."""

from __future__ import annotations

import getpass
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import OperationalError, ProgrammingError
from django.dispatch import Signal

from exportadmin.lib.actor import USER, Actor
from exportadmin.lib.errors import ExportAdminError, UserError
from exportadmin.lib.text import one_line, without_orders

FAILED, WRONG_USE = 1, 2
# from the program, before a command of ours does anything; who listens may refuse it by an ExportAdminError
about_to_start = Signal()


class _Output(OutputWrapper):
    """What is printed names things as files and platforms do: on a terminal it gives no orders."""

    def write(  # type: ignore[override] # as Django's
        self, msg: str = "", style_func: Any = None, ending: str | None = None
    ) -> None:
        super().write(without_orders(msg) if self.isatty() else msg, style_func, ending)


class AppCommand(BaseCommand):
    """A command whose :class:`ExportAdminError` ends as one line on stderr.

    A :class:`UserError` that names a field is wrong use (exit code 2); every other error is a failure (1).
    """

    requires_system_checks: Any = []
    # nothing is done in the folder of another installation
    needs_own_home = True

    def __init__(self, stdout: Any = None, stderr: Any = None, *args: Any, **named: Any) -> None:
        super().__init__(stdout, stderr, *args, **named)
        self.stdout = _Output(stdout or sys.stdout)
        errors = _Output(stderr or sys.stderr)
        errors.style_func = self.stderr.style_func
        self.stderr = errors

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run, and turn our errors into :class:`CommandError` with the right exit code."""
        try:
            return super().execute(*args, **options)
        except UserError as error:
            raise CommandError(error.message, returncode=WRONG_USE if error.field else FAILED) from error
        except ExportAdminError as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except (OperationalError, ProgrammingError) as error:
            message = one_line(error)
            raise CommandError(
                f"the database cannot be used ({message}); a new installation needs `exportadmin migrate` first",
                returncode=FAILED,
            ) from error

    def run_from_argv(self, argv: list[str]) -> None:
        """As Django's, but the line says ``error:`` and Ctrl-C ends without a traceback."""
        try:
            self._run(argv)
        except KeyboardInterrupt:
            sys.stderr.write("\ninterrupted\n")
            sys.exit(130)

    def _run(self, argv: list[str]) -> None:
        self._called_from_command_line = True  # Django's parser then ends wrong use with one line and exit code 2
        parser = self.create_parser(argv[0], argv[1])
        options = vars(parser.parse_args(argv[2:]))
        args = options.pop("args", ())
        if options.get("traceback"):
            about_to_start.send(type(self))
            self.execute(*args, **options)
            return
        try:
            about_to_start.send(type(self))
            self.execute(*args, **options)
        except (CommandError, ExportAdminError) as error:
            line = without_orders(one_line(error))
            sys.stderr.write(f"error: {line}\n")
            sys.exit(getattr(error, "returncode", FAILED))
        except BrokenPipeError:
            sys.exit(FAILED)


def shell_actor() -> Actor:
    """Whoever sits at the terminal, by the name that the operating system knows."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Actor(kind=USER, name=f"{name} (shell)", channel="shell")


class ProgressBar:
    """A bar on stderr, drawn at most ten times a second and only on a terminal."""

    WIDTH = 30

    def __init__(self, title: str, *, unit: str = "rows", wanted: bool = True) -> None:
        self._title = title
        self._unit = unit
        self._shown = wanted and sys.stderr.isatty()
        self._last = 0.0
        self._started = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        """Draw ``done`` of ``total``."""
        now = time.monotonic()
        if not self._shown or (now - self._last < 0.1 and done != total):
            return
        self._last = now
        rate = done / max(now - self._started, 1e-9)
        if total:
            filled = min(self.WIDTH, self.WIDTH * done // total)
            left = f" {(total - done) / rate:.0f} s left" if rate and done < total else ""
            text = (
                f"[{'#' * filled}{'.' * (self.WIDTH - filled)}] {done:,} of {total:,} {self._unit}, {rate:,.0f}/s{left}"
            )
        else:
            text = f"{done:,} {self._unit}, {rate:,.0f}/s"
        sys.stderr.write(f"\r{self._title} {text}\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the line."""
        if self._shown:
            sys.stderr.write("\n")
