"""CSV for people, read back by what people read it with: LibreOffice, openpyxl and pandas.

The names of a project are what an attacker would choose; nobody knows which separator a reader takes for the file's.
Nothing may be run, and nothing may be garbled.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas
import pytest
from django.contrib.auth.models import User
from django.test import Client

from exports import actions
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import SHELL, import_file

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
HOSTILE = (
    "=1+1",
    "+1+1",
    "@SUM(1+1)",
    "=cmd|' /C calc'!A0",
    "north;=1+1",
    'north;"=1+1',
    "north\t=1+1",
    "north|=1+1",
    "north\n=1+1",
    "图片 naïve",
)
MARK = "\ufeff"


@pytest.fixture
def files(tmp_path: Path, settings, alice: User) -> Callable[[str], dict[str, bytes]]:
    """Every CSV file that we write, with hostile names in all of them; those of exports in the profile asked for."""
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    source = tmp_path / "hostile.ndjson"
    source.write_text("".join(json.dumps(row(number, text)) + "\n" for number, text in enumerate(HOSTILE)), "utf-8")

    def made(profile: str) -> dict[str, bytes]:
        project = import_file(source, 'Street; "=1+1').project
        found = {}
        for format in ("csv", "png"):
            asked = {"format": format, "options": {"profile": profile, "dataset": "yes", "metadata": "yes"}}
            spec = ExportSpec.parse(asked, project)
            report = actions.run_now(project=project, spec=spec, actor=SHELL, name="=1+1|@SUM(1)")
            assert report.is_delivered, report.error
            (artifact,) = report.artifacts.all()
            body = (delivery_folder(report) / artifact.name).read_bytes()
            if format == "png":
                with zipfile.ZipFile(io.BytesIO(body)) as archive:
                    body = archive.read("index.csv")
            found[f"{format}.csv"] = body
        client = Client()
        client.force_login(alice)
        for name, address in (("list.csv", "/exports/list.csv"), ("trail.csv", "/audit/export/?as=csv")):
            answer = client.get(address)
            assert answer.status_code == 200, address
            found[name] = b"".join(answer.streaming_content)
        return found

    return made


def row(number: int, text: str) -> dict:
    name = f"{text} {number}"
    box = {
        "name": text,
        "annotation_kind": "ImageBoundingBox",
        "bounding_box": {"top": 1.0, "left": 2.0, "height": 3.0, "width": 4.0},
        "classifications": [{"name": text, "text_answer": {"content": text}}],
    }
    answer = {"name": text, "text_answer": {"content": text}}
    label = {"label_details": {"created_by": text}, "annotations": {"objects": [box], "classifications": [answer]}}
    return {
        "data_row": {
            "global_key": name,
            "external_id": name,
            "row_data": name,
            "details": {"dataset_name": text},
        },
        "media_attributes": {"width": 20, "height": 10},
        "metadata_fields": [{"schema_name": text, "value": text}],
        "projects": {"p": {"name": "P", "labels": [label], "project_details": {"workflow_status": "DONE"}}},
    }


def opened_in_libreoffice(found: dict[str, bytes], separator: str, folder: Path) -> dict[str, openpyxl.Workbook]:
    """Each file as a workbook; formulas are taken for formulas. About two seconds."""
    sources = []
    for name, body in found.items():
        sources.append(folder / name)
        sources[-1].write_bytes(body)
    # separator; quote; UTF-8; from line 1; US English; detect numbers; evaluate formulas
    filter_ = f"Text - txt - csv (StarCalc):{ord(separator)},34,76,1,,1033,false,true,false,false,false,0,true"
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", f"--infilter={filter_}"]
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "out"), *map(str, sources)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return {name: openpyxl.load_workbook(folder / "out" / name.replace(".csv", ".xlsx")) for name in found}


def formulas(book: openpyxl.Workbook) -> list[str]:
    return [f"{cell.coordinate}: {cell.value}" for line in book.active for cell in line if cell.data_type == "f"]


@pytest.fixture
def libreoffice() -> None:
    if shutil.which("soffice") is None:
        pytest.skip("NOT RUN: LibreOffice is missing; on Debian: apt-get install libreoffice-calc-nogui")


def test_libreoffice_finds_no_formula_whatever_it_takes_for_the_separator(files, libreoffice, tmp_path):
    safe, exact = files("spreadsheet-safe"), files("exact")
    for name, separator in SEPARATORS.items():
        for file, book in opened_in_libreoffice(safe, separator, tmp_path).items():
            assert formulas(book) == [], f"{file}, {name}"
        # else LibreOffice looks for none
        for file in ("csv.csv", "png.csv"):
            assert formulas(opened_in_libreoffice({file: exact[file]}, separator, tmp_path)[file]), f"{file}, {name}"


def test_openpyxl_takes_no_cell_for_a_formula(files):
    for name, body in files("spreadsheet-safe").items():
        for separator in SEPARATORS.values():
            sheet = openpyxl.Workbook().active
            # cut without a thought for quotes, as the worst reader would
            for line in body.decode("utf-8-sig").splitlines():
                sheet.append([cell.strip('" ') for cell in line.split(separator)])
            assert [cell.value for cells in sheet for cell in cells if cell.data_type == "f"] == [], name


def test_names_are_not_garbled_and_pandas_reads_them_without_being_told_how(files):
    found = files("spreadsheet-safe")
    assert all(body.startswith(MARK.encode()) for body in found.values())
    table = pandas.read_csv(io.BytesIO(found["csv.csv"]), dtype=str, keep_default_na=False)
    boxes = table[table["kind"] == "box"]
    assert table.columns[0] == "data_row_id"
    assert (boxes["class"].iloc[0], boxes["class"].iloc[-1]) == ("'=1+1", "图片 naïve")
    index = pandas.read_csv(io.BytesIO(found["png.csv"]), dtype=str, keep_default_na=False)
    assert (index["global_key"].iloc[-1], index["dataset"].iloc[4]) == ("图片 naïve 9", "north;'=1+1")


def test_the_exact_profile_gives_pandas_what_was_stored(files):
    found = files("exact")
    table = pandas.read_csv(io.BytesIO(found["csv.csv"]), dtype=str, keep_default_na=False)
    boxes = table[table["kind"] == "box"]
    for column in ("class", "label_created_by", "dataset"):
        assert tuple(boxes[column]) == HOSTILE, column
    for column in ("global_key", "external_id", "row_data"):
        assert list(boxes[column]) == [f"{text} {number}" for number, text in enumerate(HOSTILE)], column
    assert [json.loads(cell) for cell in boxes["value"]] == [{text: text} for text in HOSTILE]
    assert [json.loads(cell)[0]["value"] for cell in boxes["metadata"]] == list(HOSTILE)
    index = pandas.read_csv(io.BytesIO(found["png.csv"]), dtype=str, keep_default_na=False)
    assert list(index["row_data"]) == list(boxes["row_data"])
    assert list(index["file_name"]) == list(boxes["file_name"])
