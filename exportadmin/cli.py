"""The ``exportadmin`` console script: ``manage.py`` by another name.

Exit codes of our own commands: 0 done, 1 failed with one clear line, 2 wrong use.
"""

import os
import sys


def main() -> None:
    """Run the Django command named in ``sys.argv``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exportadmin.settings")
    from exportadmin.lib.private_files import write_private_files

    write_private_files()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["exportadmin", *sys.argv[1:]])
    except ImproperlyConfigured as error:  # a setting that cannot be read, wherever it is read
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        sys.exit(2)
