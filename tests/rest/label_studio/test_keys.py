"""Keys: legacy, refresh and access tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.test import Client
from django.utils import timezone

from connections.access.models import ApiToken
from exports.dialects.label_studio import tokens
from tests.rest.label_studio.asking import BASE, create, post
from tests.rest.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(world: World) -> tuple[ApiToken, str]:
    return world.token("oscar", "exports:read", "exports:run")


def whoami(**headers: str) -> Any:
    return Client(**headers).get(f"{BASE}/current-user/whoami")


def refreshed(refresh: str) -> Any:
    return post(Client(), f"{BASE}/token/refresh/", {"refresh": refresh})


def test_a_key_opens_it_as_a_legacy_token_and_as_an_api_key(token: tuple[ApiToken, str]):
    for headers in ({"HTTP_AUTHORIZATION": f"Token {token[1]}"}, {"HTTP_X_API_KEY": token[1]}):
        assert whoami(**headers).json()["username"] == "oscar"


def test_a_key_is_exchanged_for_a_refresh_token_and_that_for_access(token: tuple[ApiToken, str]):
    made = post(Client(HTTP_AUTHORIZATION=f"Token {token[1]}"), f"{BASE}/token/")
    assert made.status_code == 201
    refresh = made.json()["token"]
    claims = jwt.decode(refresh, options={"verify_signature": False})
    assert claims["token_type"] == "refresh"
    assert token[1] not in refresh
    access = refreshed(refresh).json()["access"]
    claims = jwt.decode(access, options={"verify_signature": False})
    assert 295 <= claims["exp"] - timezone.now().timestamp() <= 300
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").json()["username"] == "oscar"


def test_no_token_is_taken_for_another(token: tuple[ApiToken, str]):
    key, refresh, access = token[1], tokens.refresh_jwt(token[0]), tokens.access_jwt(token[0])
    for header in (f"Bearer {key}", f"Bearer {refresh}", f"Token {access}", f"Token {refresh}", "Token", "Bearer"):
        answer = whoami(HTTP_AUTHORIZATION=header)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token"), header
    assert whoami(HTTP_X_API_KEY=access).status_code == 401
    assert refreshed(access).status_code == refreshed(key).status_code == 401
    # an access token would outlive itself
    assert post(Client(HTTP_AUTHORIZATION=f"Bearer {access}"), f"{BASE}/token/").status_code == 401


def test_a_token_that_was_signed_by_others_or_by_nobody_is_refused(token: tuple[ApiToken, str]):
    claims = jwt.decode(tokens.access_jwt(token[0]), options={"verify_signature": False})
    forged = [
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "x" * 32, algorithm="HS256"),
        jwt.encode(claims, token[0].digest, algorithm="HS256"),
        tokens.access_jwt(token[0])[:-4] + "AAAA",
    ]
    for text in forged:
        assert whoami(HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 401
        assert refreshed(text).status_code == 401


def test_a_token_of_one_is_not_signed_with_what_another_is(world: World, token: tuple[ApiToken, str]):
    claims = jwt.decode(tokens.access_jwt(token[0]), options={"verify_signature": False})
    other = world.token("sue", "admin")[0]
    theirs = jwt.encode(claims | {"jti": other.public_id}, tokens._key(token[0], "secret"), algorithm="HS256")
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {theirs}").status_code == 401


def test_it_ends_at_once_with_the_token_and_when_its_time_is_over(token: tuple[ApiToken, str], time_machine: Any):
    refresh, access = tokens.refresh_jwt(token[0]), tokens.access_jwt(token[0])
    time_machine.move_to(timezone.now() + timedelta(seconds=301))
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 401
    access = refreshed(refresh).json()["access"]
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200
    ApiToken.objects.filter(pk=token[0].pk).update(revoked_at=timezone.now())
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 401
    assert refreshed(refresh).status_code == 401


def test_it_stays_known_while_the_secret_key_is_changed(token: tuple[ApiToken, str], settings: Any):
    refresh = tokens.refresh_jwt(token[0])
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 8, [settings.SECRET_KEY]
    assert refreshed(refresh).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert refreshed(refresh).status_code == 401


def test_a_browsers_session_opens_nothing(world: World):
    assert create(world.browser("alice"), world).status_code == 401


def test_a_foreign_host_is_not_repeated_to_anybody(world: World):
    answer = world.dialect_client("oscar").get(f"{BASE}/projects/", {"page_size": 1}, HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert b"evil.example/" not in answer.content
