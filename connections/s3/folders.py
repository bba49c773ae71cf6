"""The keys of one report's objects."""

from __future__ import annotations

from dataclasses import dataclass

from connections.s3 import names


@dataclass(frozen=True, slots=True)
class Folder:
    """Where one report's delivery goes: ``path`` is empty or ends with a slash."""

    bucket: str
    path: str
    report_id: str

    @property
    def location(self) -> str:
        return f"{self.bucket}/{self.path}{self.report_id}"

    @property
    def address(self) -> str:
        """For people."""
        return f"s3://{self.location}/"

    @property
    def prefix(self) -> str:
        """Of the keys of its files."""
        return f"{self.path}{self.report_id}/"

    @property
    def marks(self) -> str:
        """Of the keys of its drafts' markers."""
        return f"{self.path}.{self.report_id}."

    def key(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def mark(self, attempt: int) -> str:
        return f"{self.marks}{attempt}.part"

    @classmethod
    def of_location(cls, bucket: str, location: str) -> Folder | None:
        """``None``: it is the location of no delivery in this bucket."""
        found = names.LOCATION.fullmatch(location)
        if found is None or found["bucket"] != bucket or {"", ".", ".."} & set(found["path"].split("/")[:-1]):
            return None
        return cls(bucket, found["path"], found["id"])

    @classmethod
    def of_file(cls, bucket: str, key: str) -> Folder | None:
        """``None``: it is not the key of a file that we deliver."""
        found = names.FILE.fullmatch(key)
        return cls(bucket, found["path"], found["id"]) if found else None

    @classmethod
    def of_mark(cls, bucket: str, key: str) -> tuple[Folder, int] | None:
        """And the attempt. ``None``: it is no marker's key."""
        found = names.MARK.fullmatch(key)
        return (cls(bucket, found["path"], found["id"]), int(found["attempt"])) if found else None
