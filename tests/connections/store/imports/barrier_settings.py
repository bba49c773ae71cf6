"""The product's settings with imports that stop where a test asks them to."""

from exportadmin.settings import *  # noqa: F403
from exportadmin.settings import STORAGES

INSTALLED_APPS += ["tests.connections.store.imports.barriers"]  # noqa: F405
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
