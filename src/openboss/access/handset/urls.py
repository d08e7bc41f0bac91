"""The addresses of the gateways of handsets, under /handset/."""

from django.urls import path

from openboss.access.handset import door

app_name = "handset"
urlpatterns = [
    path("sms/", door.short_message, name="sms"),
    path("ussd/", door.ussd, name="ussd"),
    path("ivr/", door.ivr, name="ivr"),
]
