"""The rail: which screens there are and which right opens each."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Screen:
    """One screen of the menu and of the palette; `right` None opens to everybody who is logged in."""

    route: str
    title: str | Promise
    icon: str
    right: str | None
    words: str = ""  # further words the palette finds it by

    @property
    def url(self) -> str:
        """Where it is."""
        return reverse(self.route)


@dataclass(frozen=True)
class Group:
    """Screens that belong together: one line of the rail, which opens where one of them is looked at."""

    title: str | Promise
    icon: str
    screens: tuple[Screen, ...]

    @property
    def url(self) -> str:
        """Where its first screen is."""
        return self.screens[0].url

    @property
    def routes(self) -> list[str]:
        """The routes of its screens."""
        return [screen.route for screen in self.screens]


@dataclass(frozen=True)
class Section:
    """A heading of the rail with its screens and groups of screens."""

    title: str | Promise
    screens: tuple[Screen, ...]
    groups: tuple[Group, ...] = ()

    @property
    def everything(self) -> tuple[Screen, ...]:
        """Its screens with those of its groups."""
        return self.screens + tuple(screen for group in self.groups for screen in group.screens)


SECTIONS = (
    Section(
        _("Service desk"),
        (
            Screen("console:home", _("Home"), "home", None, "dashboard shouye sy"),
            Screen("console:tasks", _("Tasks"), "inbox", None, "daiban db renwu inbox approval shenpi"),
            Screen("console:works", _("Work in progress"), "sitemap", "customers.view", "liucheng lc work flow"),
            Screen("console:orders", _("Orders"), "clipboard-list", "customers.view", "dingdan dd order"),
            Screen("console:remote", _("Users of other provinces"), "world", "customers.edit", "yidi yd hub remote"),
            Screen("console:queue", _("Queue"), "users", "customers.view", "paidui pd jiaohao queue ticket"),
        ),
    ),
    Section(
        _("Charging"),
        (
            Screen(
                "console:charging_board", _("Live charging"), "activity", "charging.monitor", "shishi ss online ocs"
            ),
            Screen(
                "console:sessions",
                _("Live sessions"),
                "list-details",
                "charging.monitor",
                "huihua hh session",
            ),
            Screen("console:trial", _("Trial of live charging"), "player-play", "charging.trace", "shibo sb test"),
            Screen("console:follow", _("Follow a number"), "route", "charging.trace", "genzong gz trace"),
            Screen(
                "console:peers", _("Peers of charging"), "server", "charging.monitor", "wangyuan wy peer nas diameter"
            ),
            Screen(
                "console:black_list",
                _("Black list of charging"),
                "ban",
                "charging.monitor",
                "heimingdan hmd imei fraud",
            ),
            Screen("console:collection", _("Collection"), "database-import", "charging.monitor", "caiji cj source gap"),
            Screen("console:files", _("Usage files"), "file-text", "charging.monitor", "wenjian wj cdr"),
            Screen("console:alarms", _("Alarms"), "alert-circle", "charging.monitor", "gaojing gj alarm gap"),
            Screen("console:errors", _("Error pool"), "alert-triangle", "charging.errors", "cuodan cd recycle"),
            Screen("console:reratings", _("Re-rating"), "refresh", "charging.rerate", "chongpi cp rerate"),
        ),
    ),
    Section(
        _("Billing"),
        (
            Screen("console:bills", _("Bills"), "file-dollar", "billing.view", "zhangdan zd invoice"),
            Screen("console:bill_delivery", _("Bill delivery"), "send", "billing.view", "zhangdan fenfa fs post"),
            Screen("console:runs", _("Bill runs"), "calculator", "billing.run", "chuzhang cz close release"),
        ),
    ),
    Section(
        _("Money"),
        (),
        (
            Group(
                _("Taking payments"),
                "cash",
                (
                    Screen("console:pay", _("Payment desk"), "cash", "receivables.collect", "jiaofei jf sf pay"),
                    Screen(
                        "console:recharge", _("Recharge by voucher"), "wallet", "receivables.collect", "chongzhi cz"
                    ),
                    Screen("console:till", _("My till"), "cash-register", "receivables.collect", "shouyin sy cashier"),
                    Screen("console:suspense", _("Payments to attribute"), "zoom-question", "receivables.view", "zg"),
                    Screen("console:web_payments", _("Payments on the web"), "world", "receivables.view", "wangzhan"),
                    Screen("console:debit", _("Direct debit"), "building-bank", "receivables.view", "tuoshou ts bank"),
                ),
            ),
            Group(
                _("Clearing of bills"),
                "checks",
                (Screen("console:clearing", _("Acts of clearing"), "checks", "receivables.view", "xiaozhang xz"),),
            ),
            Group(
                _("Arrears and dunning"),
                "hourglass",
                (
                    Screen("console:ageing", _("Ageing of debts"), "chart-bar", "receivables.view", "zhangling zl"),
                    Screen("console:aged", _("Who owes"), "users", "receivables.view", "qianfei qf arrears"),
                    Screen("console:dunning", _("Dunning"), "phone-outgoing", "receivables.view", "cuishou cs dunning"),
                    Screen("console:agencies", _("Given to others"), "send", "receivables.view", "weituo wt agency"),
                ),
            ),
            Group(
                _("Prepayment"),
                "wallet",
                (Screen("console:prepayments", _("Money of users"), "wallet", "receivables.view", "yucun yc advance"),),
            ),
            Group(
                _("Refunds"),
                "arrow-back-up",
                (
                    Screen(
                        "console:adjustments", _("Refunds and adjustments"), "arrow-back-up", "receivables.view", "tf"
                    ),
                    Screen("console:objections", _("Objections to bills"), "zoom-question", "receivables.view", "yiyi"),
                ),
            ),
            Group(
                _("Bad debt"),
                "circle-x",
                (Screen("console:bad_debt", _("Doubtful and bad debt"), "circle-x", "receivables.view", "huaizhang"),),
            ),
            Group(
                _("Accounting"),
                "book-2",
                (
                    Screen("console:finance", _("Finance at a glance"), "chart-bar", "receivables.view", "caiwu cw"),
                    Screen("console:ledger", _("Ledger"), "book-2", "receivables.view", "zongzhang zz journal"),
                    Screen("console:all_entries", _("Entries"), "list-details", "receivables.view", "fenlu fl entry"),
                    Screen("console:balance", _("Trial balance"), "scale", "receivables.view", "shisuan ss"),
                    Screen("console:books", _("Days and months"), "calendar", "receivables.view", "rijie yuejie close"),
                    Screen("console:assurance", _("Assurance"), "shield-check", "receivables.view", "duizhang dz"),
                ),
            ),
        ),
    ),
    Section(
        _("Business management"),
        (),
        (
            Group(
                _("Resource management"),
                "building-store",
                (
                    Screen("console:stock", _("Stock by place"), "building-store", "resources.view", "kucun kc stock"),
                    Screen("console:stock_requests", _("Requests for stock"), "send", "resources.view", "shenling sl"),
                    Screen("console:stock_moves", _("Moves of stock"), "arrows-exchange", "resources.view", "liushui"),
                    Screen("console:numbers", _("Numbers"), "phone", "resources.view", "haoma hm number"),
                    Screen("console:segments", _("Segments of numbers"), "stack-2", "resources.view", "haoduan hd"),
                    Screen("console:sims", _("SIM cards"), "device-sim", "resources.view", "sim card kahao"),
                    Screen("console:vouchers", _("Vouchers"), "tags", "resources.view", "chongzhika czk voucher"),
                    Screen("console:forms", _("Books of forms"), "receipt-2", "resources.view", "piaoju pj receipt"),
                    Screen("console:terminals", _("Terminals"), "device-mobile", "resources.view", "zhongduan imei"),
                ),
            ),
            Group(
                _("Tariff management"),
                "package",
                (
                    Screen(
                        "console:offers",
                        _("Offers and tariffs"),
                        "package",
                        "catalog.view",
                        "zifei zf taocan tc plan price",
                    ),
                    Screen(
                        "console:waiting",
                        _("Tariffs to approve"),
                        "clipboard-list",
                        "catalog.view",
                        "shenpi sp approve",
                    ),
                ),
            ),
            Group(
                _("Customer management"),
                "user-circle",
                (
                    Screen("console:customers", _("Customers"), "user-circle", "customers.view", "subscriber kehu kh"),
                    Screen(
                        "console:leads", _("Potential customers"), "user-search", "customers.view", "qianzai qz lead"
                    ),
                    Screen(
                        "console:campaigns", _("What campaigns brought"), "chart-bar", "customers.view", "yingxiao yx"
                    ),
                    Screen(
                        "console:records", _("Lists and classes"), "list-details", "customers.view", "heimingdan hmd"
                    ),
                    Screen("console:value", _("Most valuable customers"), "chart-bar", "billing.view", "jiazhi top"),
                    Screen(
                        "console:data_quality",
                        _("Completeness of customers' data"),
                        "checks",
                        "customers.view",
                        "ziliao wanzheng",
                    ),
                ),
            ),
            Group(
                _("Key-customer management"),
                "crown",
                (Screen("console:key_customers", _("Key customers"), "crown", "customers.view", "dakehu vip dkh"),),
            ),
            Group(
                _("Group-user management"),
                "users-group",
                (Screen("console:group_users", _("Group users"), "users-group", "customers.view", "jituan jt unit"),),
            ),
        ),
    ),
    Section(
        _("System"),
        (
            Screen("console:jobs", _("Jobs"), "activity", "jobs.view", "renwu rw queue"),
            Screen("console:access_layer", _("Access layer"), "arrows-exchange", "jobs.view", "jieru jr qudao adapter"),
            Screen("console:messages", _("Messages sent out"), "send", "jobs.view", "duanxin dx xiaoxi sms outbox"),
            Screen("console:workflows", _("Workflows"), "sitemap", "workflow.edit", "liucheng lc bpmn"),
            Screen("console:staff", _("Staff"), "users", "system.admin", "renyuan ry quanxian role login"),
            Screen("console:audit", _("Audit log"), "shield-check", "audit.view", "shenji sj log"),
            Screen("console:saved", _("Saved views"), "bookmark", None, "shitu st view"),
            Screen("console:system_map", _("Map of the system"), "layout-list", None, "ditu mokuai map modules"),
            Screen("console:help", _("Help and keys"), "help-circle", None, "bangzhu bz about"),
        ),
    ),
)


def sections_for(rights: frozenset[str]) -> list[Section]:
    """The part of the rail these rights open; a group or a section without a screen is left out."""
    shown = []
    for section in SECTIONS:
        groups = [Group(group.title, group.icon, _open_to(group.screens, rights)) for group in section.groups]
        open_groups = tuple(group for group in groups if group.screens)
        screens = _open_to(section.screens, rights)
        if screens or open_groups:
            shown.append(Section(section.title, screens, open_groups))
    return shown


def _open_to(screens: tuple[Screen, ...], rights: frozenset[str]) -> tuple[Screen, ...]:
    return tuple(screen for screen in screens if screen.right is None or screen.right in rights)
