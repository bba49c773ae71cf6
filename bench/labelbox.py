"""``python -m bench.labelbox``: the same million rows as :mod:`bench.streaming`, as Labelbox's SDK asks for them.

A row is had by two requests, one that says which chunk holds it and one that fetches the chunk, whichever row it is.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from typing import Any

from bench.streaming import Rows, arguments, measure

FORMAT = "labelbox_ndjson"


class Chunks(Rows):
    """``exportFileFromLine`` and ``exportFileFromOffset``, and the chunks that they name."""

    def start(self, line: int) -> tuple[float, float]:
        """Seconds until the first byte of the chunk that holds the line, and until the line itself is there."""
        begun = time.perf_counter()
        told = self._told("Line", line)
        connection, answer = self._chunk(told)
        data = answer.read(1)
        to_byte = time.perf_counter() - begun
        skipped = line - int(told["lines"]["start"])
        data += answer.read((skipped + 1) * self._width - 1)
        to_line = time.perf_counter() - begun
        connection.close()
        row = data[skipped * self._width :]
        assert json.loads(row)["row"] == line and len(row) == self._width, row[:200]
        return to_byte, to_line

    def read_all(self, line: int) -> tuple[float, int]:
        """Seconds and bytes to the end, chunk after chunk, as the SDK does."""
        begun, size = time.perf_counter(), 0
        offset = line * self._width
        while offset < self.size:
            told = self._told("Offset", str(offset))
            connection, answer = self._chunk(told)
            data = answer.read()
            connection.close()
            start, end = int(told["offsets"]["start"]), int(told["offsets"]["end"])
            assert len(data) == end - start + 1 and start <= offset <= end
            size += end + 1 - offset
            offset = end + 1
        assert size == self.size - line * self._width, "bytes are missing"
        return time.perf_counter() - begun, size

    def _told(self, by: str, place: Any) -> Any:
        field, name = f"exportFileFrom{by}", by.lower()
        query = (
            f"query GetExportFileFrom{by}PyApi($where: WhereUniqueIdInput, $streamType: TaskStreamType!, "
            f"${name}: UInt64!){{task(where: $where){{{field}(streamType: $streamType, {name}: ${name})"
            "{offsets {start end} lines {start end} file}}}"
        )
        variables = {"where": {"id": self.report_id}, "streamType": "RESULT", name: place}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        body = json.dumps({"query": query, "variables": variables})
        headers = {**self._headers, "Content-Type": "application/json"}
        connection.request("POST", "/dialects/labelbox/graphql", body=body, headers=headers)
        answer = connection.getresponse()
        read = json.loads(answer.read())
        connection.close()
        assert answer.status == 200, read
        return read["data"]["task"][field]

    def _chunk(self, told: Any) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("GET", "/" + told["file"].split("/", 3)[3], headers={"Connection": "close"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()[:500]
        return connection, answer


def main() -> int:
    """Exit code 1 when line 900,000 is too slow or memory grows."""
    args = arguments()
    args.format = FORMAT
    return measure(args, Chunks)


if __name__ == "__main__":
    sys.exit(main())
