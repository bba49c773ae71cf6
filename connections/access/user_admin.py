"""Accounts in Django's admin, made, changed and disabled by superusers through :mod:`connections.access.people`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import ReadOnlyPasswordHashField, ReadOnlyPasswordHashWidget, UserChangeForm
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from connections.access import people
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.read_only_admin import OwnFiltersOnly

if TYPE_CHECKING:
    _Admin = UserAdmin[User]
else:
    _Admin = UserAdmin

# a group, and a permission of Django's, give nobody anything here: roles do (connections/roles.py)
admin.site.unregister([Group, User])


class _SetOrNot(ReadOnlyPasswordHashWidget):
    """Is there a password? No piece of its hash or salt is shown."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["summary"] = [{"label": "Set" if is_password_usable(value) else "Not set: nobody signs in with it"}]
        return context


class _AccountForm(UserChangeForm):  # type: ignore[type-arg]  # generic for the type checker only
    password = ReadOnlyPasswordHashField(label="Password", widget=_SetOrNot)


@admin.register(User)
class PeopleAdmin(OwnFiltersOnly, _Admin):
    """Accounts. Whatever is changed stands in the trail, in the same transaction; what is refused, too."""

    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "is_staff")
    filter_horizontal = ()
    form = _AccountForm
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        (
            "What the account may",
            {
                "fields": ("is_active", "is_superuser", "is_staff"),
                "description": "Who leaves is made inactive: nobody signs in with the account any more, its tokens open"
                " nothing, exports and trail stay. Superusers may do everything in every project and, with staff"
                " status, come to this administration. Everybody else has roles, on the page of a project.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deleting of many at once."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers only: who makes accounts makes superusers."""
        return _rules(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return _rules(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return _rules(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only; what has a history is refused in words."""
        return _rules(request)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """In the transaction of the view."""
        fields = [name for name in people.KEPT if name in form.changed_data]
        people.save_user(user=obj, actor=actor_of(request), fields=fields)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A refusal rolls the view's transaction back, its line in the trail with it: that is written again here."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except UserError as error:
            return self._refused(request, "user.changed", object_id, error)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Django's form; when it has changed something, that is recorded with it."""
        try:
            with transaction.atomic():
                user = self.get_object(request, unquote(id))
                if user is not None:
                    user = people.hold(user, and_superusers=True)
                    # asked first: Django's view writes a session, which must not be rolled back
                    if _rules(request) and user.is_superuser and "unset-password" in request.POST:
                        people.leave_a_superuser(user)
                before = None if user is None else user.password
                response = super().user_change_password(request, id, form_url)
                now = User.objects.filter(pk=unquote(id)).first() if user is not None else None
                if now is not None and now.password != before:
                    people.record_password(user=now, actor=actor_of(request))
        except UserError as error:
            return self._refused(request, "user.password_changed", id, error)
        return response

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Asked before Django's page shows what would go with the account."""
        user = self.get_object(request, unquote(object_id))
        if user is not None and self.has_delete_permission(request, user):
            try:
                people.require_no_history(user)
            except UserError as error:
                return self._refused(request, "user.deleted" if request.method == "POST" else "", object_id, error)
        return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """What goes with an account that was never used is its own: no permissions of other tables are asked."""
        to_delete, counts, _, protected = super().get_deleted_objects(objs, request)  # type: ignore[arg-type]
        return to_delete, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """In the transaction of the view."""
        people.delete_user(user=obj, actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[User]) -> None:
        """One by one, each asked and recorded."""
        for user in queryset:
            people.delete_user(user=user, actor=actor_of(request))

    def _refused(self, request: HttpRequest, event: str, object_id: str | None, error: UserError) -> HttpResponse:
        user = self.get_object(request, unquote(object_id or ""))
        if user is None:
            raise error
        if event:
            people.record_refusal(event, user=user, reason=error.message, actor=actor_of(request))
        messages.error(request, error.message)
        return redirect("admin:auth_user_change", user.pk)


def _rules(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))
