"""Saved configs: descriptions of exports that make no file by themselves."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.lib.pages import looks


@looks
def config_list(request: HttpRequest) -> HttpResponse:
    """The saved configs that one may see."""
    return render(request, "exports/configs.html", {"section": "configs"})
