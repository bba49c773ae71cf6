#!/usr/bin/env python3
"""Django's usual program. ``exportadmin`` in ``.venv/bin`` is the same by another name."""

from exportadmin.cli import main

if __name__ == "__main__":
    main()
