"""The WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exportadmin.settings")
application = get_wsgi_application()

from exportadmin.operations.checks import must_be_startable  # noqa: E402 - needs the settings

must_be_startable()
