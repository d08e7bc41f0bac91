"""Where each door of the access layer hangs."""

from django.urls import include, path

urlpatterns = [path("", include("openboss.access.console.urls"))]
