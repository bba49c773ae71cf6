"""The product's settings, with barriers in the real pipeline (tests/soak/barriers). Static files are not collected."""

from exportadmin.settings import *  # noqa: F403
from exportadmin.settings import STATIC_ROOT, STORAGES

INSTALLED_APPS += ["tests.soak.barriers"]  # noqa: F405
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
