"""The OpenAPI document: a contract. A change of it shows in the diff of ``openapi.yml``, which is renewed with

EXPORTADMIN_HOME=$(mktemp -d) exportadmin spectacular --validate --fail-on-warn --file tests/rest/openapi.yml
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.urls import URLPattern, get_resolver

from exportadmin.lib.rest import RestView

SNAPSHOT = Path(__file__).with_name("openapi.yml")
# what a token may never do is not offered to tokens
SIGNED_IN_ONLY = {
    "POST /api/v1/tokens/",
    "POST /api/v1/tokens/{token_id}/revoke/",
    "POST /api/v1/people/",
    "POST /api/v1/people/{username}/disable/",
    "POST /api/v1/people/{username}/enable/",
    "POST /api/v1/people/{username}/invitation/",
}
OPERATIONS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """As the shell makes it; a warning fails."""
    target = tmp_path_factory.mktemp("openapi") / "openapi.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    return yaml.safe_load(target.read_text("utf-8"))


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in OPERATIONS
    }


def test_the_document_is_the_one_that_was_agreed_on(document):
    agreed = yaml.safe_load(SNAPSHOT.read_text("utf-8"))
    assert document == agreed, f"the contract changed; if that is meant, renew {SNAPSHOT.name} (see this file's top)"


def test_every_method_of_every_view_is_in_it(document):
    described = {name.replace("{", "<").replace("}", ">") for name in operations(document)}
    there = set()
    for pattern in get_resolver("exportadmin.api").url_patterns:
        for each in getattr(pattern, "url_patterns", [pattern]):
            assert isinstance(each, URLPattern)
            view = getattr(each.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, RestView):
                path = "/api/v1/" + str(each.pattern).replace("<str:", "<")
                there |= {f"{method.upper()} {path}" for method in OPERATIONS if hasattr(view, method)}
    assert described == there
    assert len(there) > 30


def test_every_operation_says_how_it_can_fail_in_the_one_shape(document):
    for name, operation in operations(document).items():
        answers = operation["responses"]
        assert {"400", "401", "429", "503"} <= set(answers), name
        assert "{" not in name or "404" in answers, name
        assert name.startswith("GET") or "403" in answers, name
        assert "requestBody" not in operation or {"413", "415"} <= set(answers), name
        ways = ["cookieAuth"] if name in SIGNED_IN_ONLY else ["token", "cookieAuth"]
        assert operation["security"] == [{way: []} for way in ways], name
        assert operation["description"].strip(), name
        for status, answer in answers.items():
            if status >= "400":
                assert answer == {"$ref": f"#/components/responses/Problem{status}"}, (name, status)
    for status, answer in document["components"]["responses"].items():
        assert list(answer["content"]) == ["application/problem+json"], status


def test_pages_are_described_as_they_are(document):
    paged = [
        name
        for name, operation in operations(document).items()
        if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", []))
    ]
    assert len(paged) == 13
    for name in paged:
        operation = operations(document)[name]
        reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert schema["required"] == ["next", "previous", "results"]
        assert {each["name"] for each in operation["parameters"]} >= {"cursor", "page_size", "ordering"}


def test_the_address_of_nothing_is_not_in_it(document):
    assert not [path for path in document["paths"] if "rest" in path]
