"""The product's settings with a pipeline that stops where a test asks it to (tests/exportadmin/runs/stub)."""

from exportadmin.settings import *  # noqa: F403
from exportadmin.settings import STORAGES

INSTALLED_APPS += ["tests.exportadmin.runs.stub"]  # noqa: F405
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
