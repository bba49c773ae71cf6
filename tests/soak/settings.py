"""The product's settings, with barriers in the real pipeline (tests/soak/barriers)."""

from exportadmin.settings import *  # noqa: F403

INSTALLED_APPS += ["tests.soak.barriers"]  # noqa: F405
