from openboss.access.console.page import page
from openboss.access.console.session import needs


@needs()
def pending(request, **k):
    return page(request, "home.html", {})
