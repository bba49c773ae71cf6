"""Addresses of the pages on the trail."""

from django.urls import path

from exportadmin.audit.views import chain, entries, questions

app_name = "audit"
urlpatterns = [
    path("", entries.entries, name="entries"),
    path("export/", entries.export, name="export"),
    path("verify/", chain.verify, name="verify"),
    path("questions/", questions.questions, name="questions"),
    path("questions/<slug:slug>/", questions.question, name="question"),
    path("<int:sequence>/", entries.entry, name="entry"),
]
