"""Where each door of the access layer hangs."""

from django.urls import include, path

urlpatterns = [
    path("", include("openboss.access.openapi.urls")),
    path("handset/", include("openboss.access.handset.urls")),
    path("hub/", include("openboss.access.hub.urls")),
    path("kiosk/", include("openboss.access.kiosk.urls")),
    path("my/", include("openboss.access.selfcare.urls")),
    path("", include("openboss.access.console.urls")),
]

handler403 = "openboss.access.console.views.account.refused"
handler404 = "openboss.access.console.views.account.not_found"
handler500 = "openboss.access.console.views.account.failed"
