"""The WSGI application."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connections

from exportadmin.lib.private_files import write_private_files

write_private_files()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exportadmin.settings")
application = get_wsgi_application()

from connections.secret_keys import refuse_without_keys  # noqa: E402 - needs the settings
from exportadmin.installation.home import refuse_anothers_home  # noqa: E402
from exportadmin.operations.checks import must_be_startable  # noqa: E402

must_be_startable()
refuse_anothers_home()
refuse_without_keys()
connections.close_all()  # a server may fork from here
