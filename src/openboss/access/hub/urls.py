"""The address of the hub's door."""

from django.urls import path

from openboss.access.hub import door

app_name = "hub"
urlpatterns = [path("", door.message, name="message")]
