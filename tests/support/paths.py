"""Where things stand."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Real data and the platforms' contracts, beside the clone. No part of the project: may be absent.
SHARED = ROOT.parent / "shared"
