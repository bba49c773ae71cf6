"""The streaming zip writer, read by two readers that we did not write."""

from __future__ import annotations

import io
import subprocess
import zipfile
import zlib

import pytest

from exports.formats.zipstream import ZipStream, deflated


def archive(tmp_path, entries: dict[str, bytes]) -> bytes:
    stream = ZipStream(tmp_path / "spool")
    pieces = [stream.add(name, data) for name, data in entries.items()]
    pieces += stream.close()
    return b"".join(pieces)


def test_the_bytes_of_a_small_archive_are_these(tmp_path):
    expected = (
        "504b0304 1400 0000 0000 0000 2100 ac2a93d8 02000000 02000000 0100 0000 61 6869"
        "504b0102 1403 1400 0000 0000 0000 2100 ac2a93d8 02000000 02000000 0100 0000 0000 0000 0000"
        "0000a481 00000000 61"
        "504b0506 0000 0000 0100 0100 2f000000 21000000 0000"
    )
    assert archive(tmp_path, {"a": b"hi"}).hex() == expected.replace(" ", "")
    assert zlib.crc32(b"hi") == 0xD8932AAC


def test_an_archive_without_entries_opens(tmp_path):
    assert zipfile.ZipFile(io.BytesIO(archive(tmp_path, {}))).namelist() == []


def test_entries_come_back_and_nothing_stays_in_scratch(tmp_path):
    entries = {"classes.json": b"{}\n", "masks/1.png": b"", "漢字.csv": b"x" * 100_000}
    opened = zipfile.ZipFile(io.BytesIO(archive(tmp_path, entries)))
    assert opened.testzip() is None
    assert {name: opened.read(name) for name in opened.namelist()} == entries
    assert {one.date_time for one in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert list(tmp_path.iterdir()) == []


def test_a_file_becomes_an_entry_block_by_block(tmp_path):
    data = bytes(range(256)) * 10_000
    source = tmp_path / "data"
    source.write_bytes(data)
    stream = ZipStream(tmp_path / "spool")
    pieces = [*stream.add_file("index.csv", source), *stream.close()]
    assert max(map(len, pieces)) <= 1 << 20
    opened = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert (opened.testzip(), opened.read("index.csv")) == (None, data)


@pytest.mark.parametrize(("count", "wide"), [(65_534, False), (65_535, True), (70_000, True)])
def test_more_entries_than_the_old_format_counts(tmp_path, count, wide):
    data = archive(tmp_path, {f"{number:06d}": b"%d" % number for number in range(count)})
    assert (b"PK\x06\x06" in data[-200:]) is wide
    opened = zipfile.ZipFile(io.BytesIO(data))
    assert len(opened.namelist()) == count
    assert [opened.read(f"{number:06d}") for number in (0, 65_000, count - 1)] == [
        b"0",
        b"65000",
        b"%d" % (count - 1),
    ]


def test_unzip_finds_no_fault_with_a_wide_archive(tmp_path):
    path = tmp_path / "wide.zip"
    path.write_bytes(archive(tmp_path, {f"{number:06d}": b"x" for number in range(66_000)}))
    checked = subprocess.run(["unzip", "-tqq", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_entries_of_and_behind_four_gigabytes_are_found(tmp_path):
    """The large entry is a hole in a sparse file; its bytes are never written."""
    size = (4 << 30) + 12_345
    path = tmp_path / "far.zip"
    stream = ZipStream(tmp_path / "spool")
    with path.open("wb") as out:
        out.write(stream.entry("large", size, 0))
        out.seek(size, 1)
        out.write(stream.add("behind", b"found"))
        for piece in stream.close():
            out.write(piece)
    with zipfile.ZipFile(path) as opened:
        assert [(one.filename, one.file_size) for one in opened.infolist()] == [("large", size), ("behind", 5)]
        assert opened.infolist()[1].header_offset > 0xFFFFFFFF
        assert opened.read("behind") == b"found"
        with opened.open("large") as large:
            assert large.read(4) == b"\0\0\0\0"
    listed = subprocess.run(["unzip", "-p", str(path), "behind"], capture_output=True, check=False)
    assert (listed.returncode, listed.stdout) == (0, b"found")


def test_deflated_and_growing_entries_come_back_beside_stored_ones(tmp_path):
    grown = [b"[", *(b'{"id":%d},' % number for number in range(20_000)), b"]"]
    stream = ZipStream(tmp_path / "spool")
    path = tmp_path / "mixed.zip"
    with path.open("wb") as out:
        out.write(stream.add("stored", b"one"))
        out.write(stream.add_deflated("deflated.npy", deflated(b"\0" * 100_000)))
        entry = stream.grow("großes.json")
        out.write(entry.begin())
        out.writelines(map(entry.write, grown))
        out.write(entry.end())
        out.write(stream.add("images/", b""))
        out.writelines(stream.close())
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["stored", "deflated.npy", "großes.json", "images/"]
        assert opened.read("deflated.npy") == b"\0" * 100_000
        assert opened.read("großes.json") == b"".join(grown)
        assert opened.getinfo("images/").is_dir()
        packed = [one.compress_size for one in opened.infolist()]
    assert path.stat().st_size < 110_000, packed
    checked = subprocess.run(["unzip", "-tqq", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("cut", [1 << 22, 1 << 20, 77_777, 4_096])
def test_the_archive_is_the_same_however_a_growing_entry_is_cut(tmp_path, cut):
    data = b"".join(b'{"id":%d,"bbox":[%d,2,3,4]},' % (number, number * 7) for number in range(100_000))

    def archive_of(pieces: list[bytes]) -> bytes:
        stream = ZipStream(tmp_path / "spool")
        entry = stream.grow("result.json")
        return b"".join([entry.begin(), *map(entry.write, pieces), entry.end(), *stream.close()])

    assert archive_of([data[at : at + cut] for at in range(0, len(data), cut)]) == archive_of([data])


def test_a_growing_entry_beyond_four_gigabytes_is_found(tmp_path):
    stream = ZipStream(tmp_path / "spool")
    path = tmp_path / "far.zip"
    piece = bytes(1 << 26)
    entry = stream.grow("large")
    with path.open("wb") as out:
        out.write(entry.begin())
        for _ in range(65):
            out.write(entry.write(piece))
        out.write(entry.end())
        out.write(stream.add("behind", b"found"))
        out.writelines(stream.close())
    with zipfile.ZipFile(path) as opened:
        assert opened.getinfo("large").file_size == 65 << 26 > 4 << 30
        assert opened.read("behind") == b"found"


def test_a_name_that_ends_with_a_slash_is_a_folder_that_can_be_opened(tmp_path):
    content = archive(tmp_path, {"images/": b"", "images/a": b"x"})
    folder, file = zipfile.ZipFile(io.BytesIO(content)).infolist()
    assert (folder.external_attr >> 16, folder.external_attr & 0xFFFF, folder.is_dir()) == (0o040755, 0x10, True)
    assert (file.external_attr >> 16, file.external_attr & 0xFFFF) == (0o100644, 0)
