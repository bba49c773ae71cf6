"""What is handed out with a delivery, so that it can be verified by people who have nothing of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Final

VERIFIER: Final = Path(__file__).with_name("verify.py")
TRAIL_PROOF: Final = "trail-proof.json"
