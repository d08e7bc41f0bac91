"""The addresses of self-care, under /my/."""

from django.urls import path

from openboss.access.selfcare import pay, recharge

app_name = "selfcare"
urlpatterns = [
    path("recharge/", recharge.recharge, name="recharge"),
    path("pay/", pay.start, name="pay"),
    path("pay/notices/<str:provider>/", pay.notice, name="notice"),
    path("pay/sandbox/<str:order_no>/", pay.sandbox_page, name="sandbox"),
    path("pay/<str:order_no>/", pay.order, name="order"),
]
