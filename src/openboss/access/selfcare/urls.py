"""The addresses of self-care, under /my/."""

from django.urls import path

from openboss.access.selfcare import hall, pay, recharge

app_name = "selfcare"
urlpatterns = [
    path("", hall.mine, name="mine"),
    path("login/", hall.log_in, name="login"),
    path("leave/", hall.leave, name="leave"),
    path("wap/", hall.wap, name="wap"),
    path("balance.json", hall.handheld, name="handheld"),
    path("order/", hall.order, name="order_product"),
    path("emergency/", hall.open_in_emergency, name="emergency"),
    path("bills/<int:bill_id>.pdf", hall.bill, name="bill"),
    path("recharge/", recharge.recharge, name="recharge"),
    path("pay/", pay.start, name="pay"),
    path("pay/notices/<str:provider>/", pay.notice, name="notice"),
    path("pay/sandbox/<str:order_no>/", pay.sandbox_page, name="sandbox"),
    path("pay/<str:order_no>/", pay.order, name="order"),
]
