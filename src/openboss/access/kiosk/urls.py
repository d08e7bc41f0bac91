"""The addresses of kiosks, under /kiosk/."""

from django.urls import path

from openboss.access.kiosk import device, pages

app_name = "kiosk"
urlpatterns = [
    path("", pages.start, name="start"),
    path("device/", device.sign_in, name="device"),
    path("leave/", pages.leave, name="leave"),
    path("ticket/", pages.ticket, name="ticket"),
    path("pay/", pages.pay, name="pay"),
    path("paid/<int:payment_id>/", pages.paid, name="paid"),
    path("login/", pages.log_in, name="login"),
    path("mine/", pages.mine, name="mine"),
    path("mine/order/", pages.order, name="order"),
    path("mine/bills/<int:bill_id>.pdf", pages.bill, name="bill"),
]
