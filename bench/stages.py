"""What is measured at one size: import, each format beside its floor and its peers, class masks beside Pillow."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import data
from bench.measure import Candidate, Command, NotMeasured, Sample, Spread, interleave, ratio, run
from bench.report import Aim, Reached, Result

FORMATS = ("json", "ndjson", "coco_json", "csv", "png")
PROJECT = "bench"
BIN = Path(sys.executable).parent

FLOOR_AIM = 2.5
IMPORT_AIM = 5_000
COCO_LS_AIM, COCO_DATUMARO_AIM, CSV_LS_AIM, PNG_AIM = 20.0, 15.0, 50.0, 6.0
MEMORY_AIM_MB, SAME_MB = 64.0, 8.0


@dataclass(slots=True)
class Bench:
    """One run of the benchmark: where things lie, how often, and what was found."""

    cache: Path
    result: Result
    peers: Path | None
    rounds: int
    peer_rounds: int
    formats: Sequence[str]
    png_rows: int
    png_rounds: int
    keep: bool
    env: Mapping[str, str] = field(default_factory=dict)
    # a database server's: the URL of an empty database, and CPU seconds so far
    new_database: Callable[[], str] | None = None
    server_cpu: Callable[[], float] | None = None
    # what → rows → MB over idle
    memory: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))

    def limit(self, rows: int) -> float:
        """Seconds that any one process may take."""
        return 300 + rows / 100

    def ours(self, home: Path, rows: int, *args: str | Path) -> Command:
        """One of our shell commands, whole process."""
        return Command([BIN / "exportadmin", *args], self._env(home), self.limit(rows))

    def inside(self, home: Path, rows: int, *args: str | Path) -> Command:
        """The same, measured from within too."""
        return Command([sys.executable, "-m", "bench.ours", *args], self._env(home), self.limit(rows))

    def tool(self, rows: int, *args: str | Path) -> Command:
        """A module of ours that is not the product."""
        return Command([sys.executable, "-m", *args], {}, self.limit(rows))

    def peer(self, rows: int, *args: str | Path) -> Command:
        """A peer in its own environment."""
        return Command([self.peers or "", "-m", *args], {}, self.limit(rows))

    def _env(self, home: Path) -> dict[str, str]:
        return {"EXPORTADMIN_HOME": str(home), **self.env}

    def new_home(self, name: str) -> Path:
        """An installation with an empty database."""
        home = self.cache / name
        data.remove(home)
        home.mkdir(parents=True)
        if self.new_database:
            self.env = {"EXPORTADMIN_DATABASE_URL": self.new_database()}
        run(self.ours(home, 0, "migrate", "--verbosity", "0"))
        return home

    def measure(self, rows: int, candidates: list[Candidate], rounds: int | None = None) -> None:
        """Run the candidates in turns and take down what they cost."""
        for candidate in candidates:
            print(f"  {candidate.name}: {candidate.command.command_line()}", flush=True)
        interleave(candidates, rounds or self.rounds, server_cpu=self.server_cpu)
        self.result.add(rows, candidates)
        for candidate in candidates:
            if candidate.trouble:
                self.result.note(f"{rows:,} rows: {candidate.name} not measured: {candidate.trouble}")

    def remember(self, what: str, rows: int, samples: Sequence[Sample]) -> None:
        """Take down memory over idle."""
        found = [one.inside["peak_kb"] - one.inside["idle_kb"] for one in samples if one.inside.get("peak_kb")]
        if found:
            self.memory[what][rows] = max(found) / 1024


def size_stage(bench: Bench, rows: int, *, timed: bool, with_peers: bool) -> None:
    """Everything at one size. Untimed: each command once, for its memory."""
    print(f"== {rows:,} rows", flush=True)
    tasks = data.tasks_file(bench.cache, rows)
    home = bench.new_home(f"home-{rows}")
    try:
        import_cpu = _import(bench, home, rows, tasks, timed=timed)
        for key in bench.formats:
            if timed and key != "png":
                _format(bench, home, rows, key, with_peers=with_peers, import_cpu=import_cpu)
            else:
                _once(bench, home, rows, key)
    finally:
        if not bench.keep:
            data.remove(home)


def _import(bench: Bench, home: Path, rows: int, tasks: Path, *, timed: bool) -> float:
    args = ("import_rows", tasks, "--project", PROJECT, "--format", "label_studio_json")
    candidate = Candidate("import_rows", bench.inside(home, rows, *args))
    bench.measure(rows, [candidate], 1)
    if candidate.trouble:
        raise NotMeasured(f"the import of {rows:,} rows failed: {candidate.trouble}")
    sample = candidate.samples[0]
    found = sample.inside["output"]["summary"]
    if found["created"] != rows:
        bench.result.note(f"import of {rows:,} rows: {found['created']:,} created, {found['refused_count']:,} refused")
    bench.remember("import", rows, candidate.samples)
    if timed:
        rate = rows / sample.cpu_s
        bench.result.aims.append(
            Aim(
                "import, Label Studio file",
                rows,
                f"≥ {IMPORT_AIM:,} rows per CPU s",
                [
                    Reached("CPU", f"{rate:,.0f}/s", rate >= IMPORT_AIM),
                    Reached("wall", f"{rows / sample.wall_s:,.0f}/s"),
                ],
                f"{_size_of(home) / rows:,.0f} bytes of database a row" if not bench.new_database else "",
            )
        )
    return sample.cpu_s


def _size_of(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob("exportadmin.sqlite3*"))


def _export_args(key: str, folder: Path, project: str = PROJECT) -> tuple[str | Path, ...]:
    return ("run_export", project, "--format", key, "--output", folder)


def _delivered(folder: Path) -> Path:
    """The one file of a delivery beside its manifest."""
    (path,) = (path for path in folder.iterdir() if path.name != "manifest.json")
    return path


def _exports(bench: Bench, home: Path, rows: int, key: str, project: str = PROJECT) -> tuple[Candidate, Candidate]:
    """Our run, as a whole process and from within."""
    out = bench.cache / "out"
    args = _export_args(key, out, project)
    label = key if project == PROJECT else f"{key}, {project}"

    def clear() -> None:
        data.remove(out)

    whole = Candidate(f"{label}: run_export, whole process", bench.ours(home, rows, *args), clear, clear)
    inside = Candidate(f"{label}: run_export, in process", bench.inside(home, rows, *args), clear, clear)
    return whole, inside


def _once(bench: Bench, home: Path, rows: int, key: str) -> None:
    _, inside = _exports(bench, home, rows, key)
    bench.measure(rows, [inside], 1)
    bench.remember(key, rows, inside.samples)


def _format(bench: Bench, home: Path, rows: int, key: str, *, with_peers: bool, import_cpu: float) -> None:
    finished, copy = bench.cache / "finished", bench.cache / "copy"
    data.remove(finished)
    try:
        run(bench.ours(home, rows, *_export_args(key, finished)))  # warms the caches, too
        path = _delivered(finished)
        whole, inside = _exports(bench, home, rows, key)
        floor, synced = (
            Candidate(
                f"{key}: copy + sha256{' + fsync' if extra else ''}",
                bench.tool(rows, "bench.floor", path, copy, *extra),
                after=lambda: data.remove(copy),
            )
            for extra in ((), ("--fsync",))
        )
        peers = _peers(bench, rows, key, path) if with_peers and bench.peers else []
        bench.measure(rows, [whole, inside, floor, synced, *(peer for peer, _ in peers)])
        bench.remember(key, rows, inside.samples)
        if key in ("json", "ndjson"):
            _floor_aims(bench, rows, key, whole, inside, floor, synced)
        for peer, aim in peers:
            _peer_aims(bench, rows, key, peer, aim, whole, inside, import_cpu)
        _count_alike(bench, rows, key, path, [peer for peer, _ in peers])
    except NotMeasured as error:
        bench.result.note(f"{rows:,} rows: {key} not measured: {error}")
    finally:
        data.remove(finished, copy, bench.cache / "out", bench.cache / "peer-out")


def _peers(bench: Bench, rows: int, key: str, finished: Path) -> list[tuple[Candidate, float]]:
    """The peers of a format, each with the aim."""
    out = bench.cache / "peer-out"
    found: list[tuple[Candidate, float]] = []
    if key in ("coco_json", "csv"):
        tasks, config = data.peers_file(bench.cache, rows), data.config_file(bench.cache)
        what = "coco" if key == "coco_json" else "csv"
        folder = out / f"label-studio-{what}"
        command = bench.peer(rows, "bench.peers.label_studio", what, tasks, config, folder)
        aim = COCO_LS_AIM if what == "coco" else CSV_LS_AIM
        found.append((Candidate(f"{key}: label-studio-sdk", command, rounds=bench.peer_rounds), aim))
    if key == "coco_json":
        source = out / "datumaro-in"
        (source / "annotations").mkdir(parents=True)
        (source / "images").mkdir()
        (source / "annotations" / "instances_default.json").hardlink_to(finished)
        command = bench.peer(rows, "bench.peers.datumaro_coco", source, out / "datumaro-out")
        found.append((Candidate(f"{key}: Datumaro", command, rounds=bench.peer_rounds), COCO_DATUMARO_AIM))
    return found


def _inside(candidate: Candidate, key: str) -> list[float]:
    return [one.inside[key] for one in candidate.samples if key in one.inside]


def _times(spread: Spread | None) -> str:
    if spread is None:
        return "not measured"
    text = f"{spread.median:.2f}×" if spread.median < 10 else f"{spread.median:.1f}×"
    if spread.least == spread.most:
        return text
    return f"{text} [{spread.least:.2f} to {spread.most:.2f}]"


def at_most(what: str, spread: Spread | None, aim: float) -> Reached:
    """A ratio that should be small."""
    return Reached(what, _times(spread), None if spread is None else spread.median <= aim)


def at_least(what: str, spread: Spread | None, aim: float | None) -> Reached:
    """A ratio that should be great; without an aim it is told for information."""
    met = None if spread is None or aim is None else spread.median >= aim
    return Reached(what, _times(spread), met)


def _floor_aims(
    bench: Bench, rows: int, key: str, whole: Candidate, inside: Candidate, floor: Candidate, synced: Candidate
) -> None:
    bench.result.aims += [
        Aim(
            f"{key} ÷ copy + sha256, whole processes",
            rows,
            f"≤ {FLOOR_AIM}×",
            [
                at_most("CPU", ratio([s.cpu_s for s in whole.samples], [s.cpu_s for s in floor.samples]), FLOOR_AIM),
                at_most("wall", ratio([s.wall_s for s in whole.samples], [s.wall_s for s in floor.samples]), FLOOR_AIM),
            ],
            "with Django's start; ours syncs to disk, the copy does not",
        ),
        Aim(
            f"{key} ÷ copy + sha256, in process",
            rows,
            f"≤ {FLOOR_AIM}×",
            [
                at_most("CPU", ratio(_inside(inside, "cpu_s"), _inside(floor, "cpu_s")), FLOOR_AIM),
                at_most("wall", ratio(_inside(inside, "wall_s"), _inside(floor, "wall_s")), FLOOR_AIM),
                Reached(
                    "wall of copy + sha256 + fsync", _times(ratio(_inside(inside, "wall_s"), _inside(synced, "wall_s")))
                ),
            ],
            "the run alone: rows, bytes, check values, fsync, manifest, report",
        ),
    ]


def _peer_aims(
    bench: Bench,
    rows: int,
    key: str,
    peer: Candidate,
    aim: float,
    whole: Candidate,
    inside: Candidate,
    import_cpu: float,
) -> None:
    name = peer.samples[0].inside.get("peer", peer.name) if peer.samples else peer.name
    both = [one.cpu_s + import_cpu for one in whole.samples]
    notes = []
    peak = max(_inside(peer, "peak_kb"), default=0)
    if peak:
        notes.append(f"its peak memory {peak / 1024:,.0f} MB")
    if "label-studio" in name and key == "coco_json":
        notes.append("it leaves brush masks out")
    bench.result.aims.append(
        Aim(
            f"{key}: {name} ÷ ours",
            rows,
            f"≥ {aim:g}×",
            [
                at_least("CPU", ratio([s.cpu_s for s in peer.samples], [s.cpu_s for s in whole.samples]), aim),
                at_least("in-process CPU", ratio(_inside(peer, "cpu_s"), _inside(inside, "cpu_s")), aim),
                at_least("wall", ratio([s.wall_s for s in peer.samples], [s.wall_s for s in whole.samples]), None),
                at_least("CPU with our import", ratio([s.cpu_s for s in peer.samples], both), None),
            ],
            "; ".join(notes),
        )
    )


def _count_alike(bench: Bench, rows: int, key: str, finished: Path, peers: Sequence[Candidate]) -> None:
    """Say so when a peer wrote fewer or more annotations than ours."""
    if key != "coco_json":
        return
    ours = data.occurrences(finished, b'"iscrowd"')
    for peer in peers:
        for sample in peer.samples[:1]:
            result = sample.inside.get("result")
            theirs = data.occurrences(Path(result), b'"iscrowd"') if result else 0
            if theirs != ours:
                bench.result.note(f"{rows:,} rows: {peer.name} wrote {theirs:,} COCO annotations, ours {ours:,}")


def masks_stage(bench: Bench) -> None:
    """Class masks beside pycocotools + Pillow: the mix, and brush masks alone; and whether the pixels are right."""
    rows = bench.png_rows
    print(f"== class masks, {rows:,} rows", flush=True)
    home = bench.new_home("home-masks")
    try:
        for project, tasks in (
            ("mix", data.tasks_file(bench.cache, rows)),
            ("masks only", data.masks_file(bench.cache, rows)),
        ):
            args = ("import_rows", tasks, "--project", project, "--format", "label_studio_json")
            run(bench.ours(home, rows, *args))
            _masks(bench, home, rows, project)
    except NotMeasured as error:
        bench.result.note(f"class masks not measured: {error}")
    finally:
        if not bench.keep:
            data.remove(home)


def _masks(bench: Bench, home: Path, rows: int, project: str) -> None:
    as_rows, as_png, target = bench.cache / "finished", bench.cache / "finished-png", bench.cache / "peer.zip"
    data.remove(as_rows, as_png)
    try:
        run(bench.ours(home, rows, *_export_args("ndjson", as_rows, project)))
        run(bench.ours(home, rows, *_export_args("png", as_png, project)))
        source = _delivered(as_rows)
        check: dict[str, Any] = run(bench.tool(rows, "bench.check_masks", source, _delivered(as_png))).inside
        whole, inside = _exports(bench, home, rows, "png", project)
        peer = Candidate(
            f"png, {project}: pycocotools + Pillow",
            bench.tool(rows, "bench.peers.pillow_masks", source, target),
            after=lambda: data.remove(target),
        )
        bench.measure(rows, [whole, inside, peer], bench.png_rounds)
        name = peer.samples[0].inside["peer"] if peer.samples else peer.name
        bench.result.aims.append(
            Aim(
                f"png, {project}: {name} ÷ ours",
                rows,
                f"≥ {PNG_AIM:g}×",
                [
                    at_least("in-process CPU", ratio(_inside(peer, "cpu_s"), _inside(inside, "cpu_s")), PNG_AIM),
                    at_least("CPU", ratio([s.cpu_s for s in peer.samples], [s.cpu_s for s in whole.samples]), PNG_AIM),
                ],
                "whole processes include Django's start",
            )
        )
        bench.result.aims.append(
            Aim(
                f"png, {project}: pixels are those of pycocotools",
                rows,
                "all pictures equal",
                [Reached("", f"{check['equal']:,} of {rows:,} equal", check["equal"] == rows)],
            )
        )
    finally:
        data.remove(as_rows, as_png, target, bench.cache / "out")


def memory_aims(bench: Bench) -> None:
    """The lines on memory, over all sizes."""
    for what, found in bench.memory.items():
        sizes = sorted(found)
        grown = found[sizes[-1]] - found[sizes[0]]
        reached = [Reached(f"{rows:,} rows", f"{found[rows]:.1f} MB", found[rows] <= MEMORY_AIM_MB) for rows in sizes]
        if len(sizes) > 1:
            reached.append(Reached("growth", f"{grown:+.1f} MB", grown <= SAME_MB))
        aim = f"≤ {MEMORY_AIM_MB:g} MB, the same (within {SAME_MB:g} MB) at every size"
        bench.result.aims.append(Aim(f"{what}: peak memory over idle", sizes[-1], aim, reached))
