"""The console's addresses; each object, filter and job has one that stays."""

from django.urls import path

from openboss.access.console import palette
from openboss.access.console.views import account, audit, home, jobs, offers
from openboss.access.console.views.pending import pending

app_name = "console"
urlpatterns = [
    path("", home.home, name="home"),
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
    path("language/", account.language, name="language"),
    path("help/", account.help_page, name="help"),
    path("search/", palette.search, name="search"),
    path("customers/", pending, name="customers"),
    path("customers/<int:customer_id>/", pending, name="customer"),
    path("collection/", pending, name="collection"),
    path("files/", pending, name="files"),
    path("errors/", pending, name="errors"),
    path("bills/", pending, name="bills"),
    path("bills/<int:bill_id>/", pending, name="bill"),
    path("runs/", pending, name="runs"),
    path("offers/", offers.offers, name="offers"),
    path("offers/<int:offer_id>/", offers.offer, name="offer"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("audit/", audit.audit, name="audit"),
]
