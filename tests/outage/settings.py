"""The product's settings; static files are served without collecting them first, which would take ten seconds."""

from exportadmin.settings import *  # noqa: F403
from exportadmin.settings import STATIC_ROOT, STORAGES

STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
