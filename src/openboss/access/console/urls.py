"""The console's addresses; each object, filter and job has one that stays."""

from django.urls import path

from openboss.access.console import palette
from openboss.access.console.views import (
    account,
    audit,
    bills,
    collection,
    customers,
    detail,
    errors,
    home,
    jobs,
    offers,
    runs,
)

app_name = "console"
urlpatterns = [
    path("", home.home, name="home"),
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
    path("language/", account.language, name="language"),
    path("help/", account.help_page, name="help"),
    path("search/", palette.search, name="search"),
    path("customers/", customers.customer_list, name="customers"),
    path("customers/<int:customer_id>/", customers.customer, name="customer"),
    path("customers/<int:customer_id>/reveal/", customers.reveal, name="reveal"),
    path("c/by-number/<str:number>/", customers.by_number, name="by_number"),
    path("users/<int:subscriber_id>/", customers.by_user, name="by_user"),
    path("users/<int:subscriber_id>/detail/", detail.detail, name="detail"),
    path("collection/", collection.monitor_page, name="collection"),
    path("files/", collection.files, name="files"),
    path("files/<int:file_id>/", collection.file, name="file"),
    path("files/<int:file_id>/release/", collection.release, name="file_release"),
    path("errors/", errors.errors, name="errors"),
    path("errors/act/", errors.act, name="error_act"),
    path("errors/write-off/<int:batch_id>/", errors.decide, name="error_decide"),
    path("bills/", bills.bills, name="bills"),
    path("bills/<int:bill_id>/", bills.bill, name="bill"),
    path("bills/<int:bill_id>/why/", bills.why, name="bill_why"),
    path("bills/<int:bill_id>/pdf/", bills.pdf, name="bill_pdf"),
    path("runs/", runs.runs, name="runs"),
    path("runs/<int:cycle>/", runs.run, name="run"),
    path("runs/<int:cycle>/start/", runs.start, name="run_start"),
    path("runs/<int:cycle>/release/", runs.release, name="run_release"),
    path("runs/<int:cycle>/back/", runs.step_back, name="run_back"),
    path("runs/<int:cycle>/findings/<int:finding_id>/", runs.sign, name="run_sign"),
    path("offers/", offers.offers, name="offers"),
    path("offers/<int:offer_id>/", offers.offer, name="offer"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("audit/", audit.audit, name="audit"),
]
