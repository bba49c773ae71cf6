"""Tests of exportadmin/lib."""
