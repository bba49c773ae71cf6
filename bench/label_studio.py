"""``python -m bench.label_studio``: Label Studio's own server and ours, the same tasks, through Label Studio's own SDK.

Both run on this machine at the same time, one of them idle while the other works: a snapshot and its JSON file, COCO
and CSV made of the snapshot, and all tasks as JSON at once. CPU is of all processes of the server (user + system), wall
is as the SDK's user has it, memory the most that the server's processes hold together while it works, and what that is
above what they held before. With ``--script`` the unchanged script of Label Studio's page runs against ours at those
sizes: how long ``create`` takes to answer, and how memory grows.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import data

AIMS: Final = {"snapshot": 50.0, "coco": 20.0, "csv": 30.0, "bulk json": 50.0}
MEMORY_AIM: Final = 5.0
CREATE_AIM_S: Final = 1.0
SDK_TIMEOUT_S: Final = 3 * 3600


def arguments() -> Namespace:
    """The flags."""
    parser = ArgumentParser(prog="python -m bench.label_studio", description=__doc__)
    parser.add_argument("--rows", type=_sizes, default=[20_000], metavar="N[,N…]", help="side by side (20000); 0: none")
    parser.add_argument("--script", type=_sizes, default=[0], metavar="N[,N…]", help="the page's script against ours")
    parser.add_argument("--only", choices=["ours", "theirs"], help="one of the two, side by side with nobody")
    parser.add_argument("--cache", type=Path, default=data.DEFAULT_CACHE, help="for data and databases (%(default)s)")
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    return sorted({int(part) for part in text.split(",")})


@dataclass
class Cost:
    """Of one operation: seconds, and MB of the server's processes together."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    rise_mb: float = 0.0
    bytes: int = 0
    trouble: str = ""

    def __str__(self) -> str:
        if self.trouble:
            return self.trouble
        return f"wall {self.wall_s:7.2f} s  CPU {self.cpu_s:7.2f} s  peak {self.peak_mb:6.0f} MB (+{self.rise_mb:.0f})"


@dataclass
class Side:
    """A server. ``processes`` are those of it that live."""

    name: str
    site: Any
    processes: Callable[[], set[int]]
    costs: dict[str, Cost] = field(default_factory=dict)

    def measure(self, what: str, work: Callable[[], int]) -> None:
        """``work`` gives the bytes of what it brought."""
        before = {pid: _memory_mb(pid, "VmRSS") for pid in self.processes()}
        for pid in before:
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        cost, cpu, wall = Cost(), self._cpu_s(), time.perf_counter()
        try:
            cost.bytes = work()
        except Exception as error:  # a figure too: it did not do it
            cost.trouble = f"{type(error).__name__}: {str(error)[:120]}"
        cost.wall_s, cost.cpu_s = time.perf_counter() - wall, self._cpu_s() - cpu
        peaks = {pid: _memory_mb(pid, "VmHWM") for pid in self.processes()}
        cost.peak_mb = sum(peaks.values())
        cost.rise_mb = sum(peak - before.get(pid, 0.0) for pid, peak in peaks.items())
        self.costs[what] = cost
        print(f"  {self.name:<13} {what:<10} {cost}", flush=True)

    def _cpu_s(self) -> float:
        ticks = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))  # its own, and of its children that ended
        return ticks / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int, key: str) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Operations:
    """What is measured, through the SDK; ``folder`` takes the files and is emptied after each."""

    def __init__(self, sdk: Any, side: Side, folder: Path) -> None:
        self.sdk, self.side, self.folder, self.export_id = sdk, side, folder, 0

    def all(self) -> None:
        """In the order of the page's script."""
        self.side.measure("snapshot", self._snapshot)
        self.side.measure("json file", lambda: self._file("JSON"))
        for what in ("coco", "csv"):
            self.side.measure(what, lambda what=what: self._converted(what.upper()))  # type: ignore[misc]
        self.side.measure("bulk json", self._bulk)

    def _call(self, name: str, **named: Any) -> Any:
        return self.sdk.call(self.side.site, name, timeout=SDK_TIMEOUT_S, **named)

    def _snapshot(self) -> int:
        made = self._call("projects.exports.create", id=self.side.site.project, title="Side by side")
        self.export_id = made["id"]
        self._wait(lambda found: found["status"])
        return 0

    def _converted(self, export_type: str) -> int:
        one = {"id": self.side.site.project, "export_pk": self.export_id}
        made = self._call("projects.exports.convert", **one, export_type=export_type)["converted_format"]
        self._wait(lambda found: next(one["status"] for one in found["converted_formats"] if one["id"] == made))
        return self._file(export_type)

    def _wait(self, word: Callable[[dict[str, Any]], str]) -> None:
        one = {"id": self.side.site.project, "export_pk": self.export_id}
        while (now := word(found := self._call("projects.exports.get", **one))) not in ("completed", "failed"):
            time.sleep(0.2)
        if now == "failed":
            raise RuntimeError(f"failed: {found}")

    def _file(self, export_type: str) -> int:
        one = {"id": self.side.site.project, "export_pk": self.export_id, "export_type": export_type}
        return self._into("projects.exports.download", **one)

    def _bulk(self) -> int:
        """As ``as_json`` asks for it, kept as the bytes that come: the client's reading costs both the same."""
        more = {"download_all_tasks": True, "export_type": "JSON"}
        return self._into("projects.exports.download_sync", id=self.side.site.project, **more)

    def _into(self, name: str, **named: Any) -> int:
        path = self.folder / "file"
        try:
            return int(self._call(name, **named, into=str(path)))
        finally:
            path.unlink(missing_ok=True)


def theirs(cache: Path, rows: int, stack: ExitStack) -> Side:
    """Label Studio with ``rows`` tasks, which are imported once and kept in the cache."""
    from tests.platforms.label_studio import template
    from tests.platforms.label_studio.sdk import Site

    kept = cache / f"label-studio-{rows}"
    if not kept.exists():
        print(f"  importing {rows:,} tasks into Label Studio, once", flush=True)
        draft = kept.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        with template.running(draft) as filled:
            project = filled.new_project("bench", data.config_file(cache).read_text(), [])
            for tasks in _pieces(cache, rows):
                filled.made("POST", f"/api/projects/{project}/import", tasks)
        known = json.loads((draft / "known.json").read_text())
        (draft / "known.json").write_text(json.dumps({**known, "project_id": project}))
        draft.rename(kept)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="label-studio-", dir=cache)))
    started = stack.enter_context(template.running(folder, kept))
    pids = {started.process.pid} if started.process else set()
    return Side("Label Studio", Site(f"{started.address}/", started.legacy_token, started.project_id), lambda: pids)


def _pieces(cache: Path, rows: int) -> Iterator[list[Any]]:
    piece: list[Any] = []
    for line in data.lines(data.tasks_file(cache, rows)):
        piece.append(json.loads(line))
        if len(piece) == 1_000:
            yield piece
            piece = []
    if piece:
        yield piece


def ours(cache: Path, rows: int, stack: ExitStack) -> Side:
    """An installation with the same tasks under ``exportadmin up``."""
    from tests.platforms.label_studio import ours as installation

    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ours-", dir=cache)))
    started = stack.enter_context(installation.running(home))
    found = started.bring(data.tasks_file(cache, rows), "bench", timeout_s=3600)
    summary = found["summary"]
    print(f"  {summary['created']:,} tasks are in ours ({summary['refused_count']} refused)", flush=True)
    return Side("ours", started.site("bench"), lambda: started.processes)


def side_by_side(args: Namespace, rows: int) -> None:
    """Both at one size, and how they compare."""
    from tests.platforms.label_studio.sdk import Sdk

    print(f"== {rows:,} tasks, side by side; load {_load()}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sdk-", dir=args.cache)))
        sdk = Sdk(folder)
        stack.callback(sdk.close)
        sides = [
            make(args.cache, rows, stack)
            for name, make in (("ours", ours), ("theirs", theirs))
            if args.only in (None, name)
        ]
        for side in sides:
            Operations(sdk, side, folder).all()
        if len(sides) == 2:
            _compare(*sides)
    print(f"load at the end {_load()}", flush=True)


def _compare(mine: Side, other: Side) -> None:
    print(f"\n| what | CPU | wall | peak memory | rise | aim |\n|---|---:|---:|---:|---:|---|\n{_lines(mine, other)}\n")


def _lines(mine: Side, other: Side) -> str:
    lines = []
    for what, cost in mine.costs.items():
        there = other.costs[what]
        if cost.trouble or there.trouble:
            lines.append(f"| {what} | ours: {cost}; theirs: {there} | | | | |")
            continue
        cpu = there.cpu_s / max(cost.cpu_s, 0.01)
        aim = AIMS.get(what)
        verdict = "" if aim is None else f"≥ {aim:g}× of CPU {'met' if cpu >= aim else 'SHORT'}"
        ratios = (
            cpu,
            there.wall_s / cost.wall_s,
            there.peak_mb / cost.peak_mb,
            there.rise_mb / max(cost.rise_mb, 1.0),
        )
        lines.append(f"| {what} | {' | '.join(f'{ratio:.1f}×' for ratio in ratios)} | {verdict} |")
    return "\n".join(lines)


def script(args: Namespace, rows: int) -> None:
    """The page's script against ours."""
    from tests.platforms.label_studio.sdk import Sdk, run_page_script

    print(f"== {rows:,} tasks, the page's script; load {_load()}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="script-", dir=args.cache)))
        side = ours(args.cache, rows, stack)
        sdk = Sdk(folder)
        stack.callback(sdk.close)
        ran: list[Any] = []

        def run() -> int:
            ran.append(run_page_script(side.site, folder, "COCO", timeout_s=3600))
            if ran[0].code:
                raise RuntimeError(ran[0].output.strip().splitlines()[-1])
            return sum(path.stat().st_size for path in folder.glob("project_*"))

        side.measure("script", run)
        if ran:
            print(f"  the client: CPU {ran[0].cpu_s:.1f} s, peak {ran[0].peak_mb:.0f} MB")
        begun = time.perf_counter()
        sdk.call(side.site, "projects.exports.create", id=side.site.project, title="Another one")
        took = time.perf_counter() - begun
        print(f"  create answered after {took:.3f} s: {'met' if took < CREATE_AIM_S else 'SHORT'}", flush=True)


def _load() -> str:
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def main() -> int:
    """The exit code is 0 whenever it ran: short of an aim is a result."""
    from tests.platforms.label_studio import server

    args = arguments()
    if not server.is_installed():
        print(f"bench: {server.ADVICE}", file=sys.stderr)
        return 1
    args.cache.mkdir(parents=True, exist_ok=True)
    for rows in filter(None, args.rows):
        side_by_side(args, rows)
    for rows in filter(None, args.script):
        script(args, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
