"""What is written to handsets, in both languages: users and passwords (PWD-06 to PWD-09), money owed or ending
(D9), bills (ACP-17), answers to what handsets ask (CHN-05)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

TEXTS = {
    "WELCOME": (
        "欢迎您成为我们的客户。请妥善保管服务密码：遗失可能泄露您的个人信息；代理点或社会渠道设置的初始密码请先修改再使用。",
        "Welcome. Keep your service password safe: losing it may reveal your personal data. A first password that an"
        " agent gave you has to be changed before you use it.",
    ),
    "PASSWORD_SET": (
        "您的密码已设置或重置。如非本人操作，请立即拨打10086。",
        "Your password was set or reset. If this was not you, call 10086 at once.",
    ),
    "DYNAMIC_CODE": (
        "您的动态密码是{digits}，10分钟内有效，只能使用一次，请勿告知他人。",
        "Your code is {digits}. It is valid for 10 minutes, once. Tell it to nobody.",
    ),
    "LIMIT_WARN": (
        "您的话费已达{owed}元，信用额度为{limit}元。请及时交费，以免影响使用。",
        "Your use has come to {owed} yuan of a credit limit of {limit} yuan. Please pay, so that your service goes on.",
    ),
    "LIMIT_STOP_1": (
        "您的话费{owed}元已超过信用额度{limit}元，呼出已暂停。交费后自动恢复。",
        "Your use of {owed} yuan is above your credit limit of {limit} yuan: outgoing service has stopped. It comes"
        " back when you pay.",
    ),
    "LIMIT_STOP_2": (
        "您的话费{owed}元已超过信用额度{limit}元，全部业务已暂停。交费后自动恢复。",
        "Your use of {owed} yuan is above your credit limit of {limit} yuan: all service has stopped. It comes back"
        " when you pay.",
    ),
    "OVERDUE_BEFORE_DUE": (
        "您有应交话费{owed}元即将到期，请及时交费。",
        "You owe {owed} yuan, and the due day is near. Please pay in time.",
    ),
    "OVERDUE_LATE": (
        "您的话费{owed}元已逾期，逾期每日加收滞纳金，请尽快交费。",
        "You owe {owed} yuan that are overdue; a late fee is added for each day. Please pay soon.",
    ),
    "OVERDUE_STOP_1": (
        "您的话费{owed}元已逾期，呼出已暂停。交费后自动恢复。",
        "You owe {owed} yuan that are overdue: outgoing service has stopped. It comes back when you pay.",
    ),
    "OVERDUE_STOP_2": (
        "您的话费{owed}元已逾期，全部业务已暂停。交费后自动恢复。",
        "You owe {owed} yuan that are overdue: all service has stopped. It comes back when you pay.",
    ),
    "OVERDUE_COLLECTION": (
        "您的欠费{owed}元已委托催收机构处理，请尽快交费。",
        "Your debt of {owed} yuan was given to a collecting agency. Please pay at once.",
    ),
    "OVERDUE_LEGAL": (
        "您的欠费{owed}元将依法追缴，请立即交费。",
        "Your debt of {owed} yuan is taken to court. Please pay at once.",
    ),
    "PREPAID_LOW": ("您的余额已不足，请及时充值。", "Your balance is low. Please recharge."),
    "PREPAID_LOWER": ("您的余额即将用完，请尽快充值。", "Your balance is nearly used up. Please recharge soon."),
    "PREPAID_EMPTY": (
        "您的余额已用完，业务已暂停。充值后自动恢复。",
        "Your balance is used up and service has stopped. It comes back when you recharge.",
    ),
    "ELSEWHERE_PAYS": (
        "您为{whose}代付{month}话费{due}元，已从您的账户余额扣除。",
        "{due} yuan of {month} are paid for {whose} out of your account.",
    ),
    "ELSEWHERE_SHORT": (
        "您为{whose}代付{month}话费{due}元，账户余额不足，请及时充值。",
        "{due} yuan of {month} are to be paid for {whose}; your account has not so much cash. Please recharge.",
    ),
    "OBJECTION_TAKEN": (
        "您对{month}账单{item}{objected}元的异议已受理，核查期间不因该账单停机。",
        "We look into your objection to {objected} yuan of {item} on your bill of {month}. Your service is not stopped"
        " for it meanwhile.",
    ),
    "OBJECTION_CONFIRMED": (
        "经核查，您{month}账单{item}多收{over}元，现双倍返还{returned}元至您的账户。深表歉意。",
        "On your bill of {month} we charged {over} yuan too much for {item}. {returned} yuan were put into your account"
        " in return. We are sorry.",
    ),
    "OBJECTION_REJECTED": (
        "经核查，您{month}账单{item}收费无误：{answer}。如有疑问请拨打10086。",
        "We have looked into {item} on your bill of {month}; it was charged rightly: {answer}. Call 10086 if you have"
        " questions.",
    ),
    "EMERGENCY_OPEN": (
        "紧急开机成功：至{until}，最多可再使用{credit}元，以先到者为准。请及时交费。",
        "Your service is open until {until}, for {credit} yuan at most, whichever ends first. Please pay in time.",
    ),
    "EMERGENCY_OVER": (
        "您的紧急开机已结束，业务再次暂停，应交{owed}元。交费后自动恢复。",
        "Your emergency opening is over and service has stopped again: {owed} yuan are to be paid. It comes back when"
        " you pay.",
    ),
    "EMERGENCY_NotStoppedForArrears": (
        "您的业务没有因欠费停机，无需紧急开机；其他停机请到营业厅或拨打10086。",
        "Your service is not stopped for arrears, so there is nothing to open. For another stop come to the hall or"
        " call 10086.",
    ),
    "EMERGENCY_StarTooLow": (
        "紧急开机需达到规定星级。请交费，业务将自动恢复。",
        "An emergency opening is for users of more stars. Please pay: service comes back by itself.",
    ),
    "EMERGENCY_EmergencyUsed": (
        "您本月已使用过紧急开机。请交费，业务将自动恢复。",
        "You have had your emergency opening this month. Please pay: service comes back by itself.",
    ),
    "EMERGENCY_EmergencyElsewhere": (
        "同一账户的另一用户正在紧急开机，请稍后再试或交费。",
        "Another user of your account has an emergency opening now. Try later, or pay.",
    ),
    "BILL_READY": (
        "您{month}的账单已出，应付{due}元。详情请登录网上营业厅查看。",
        "Your bill for {month} is ready: {due} yuan are due. You find its details on our web site.",
    ),
    "HIGH_USE": (
        "您本月话费已达{used}元，明显高于平时，请留意使用情况。",
        "Your use this month has come to {used} yuan, much more than usual. Please look after it.",
    ),
    "HIGH_USE_ROAMING": (
        "您在外省漫游期间已使用约{used}元，请留意使用情况。",
        "While roaming in another province you have used about {used} yuan. Please look after your use.",
    ),
    "VALIDITY_ENDS": (
        "您的余额有效期至{ends_on}，请在此之前充值。",
        "Your balance is valid until {ends_on}. Please recharge before.",
    ),
    "VALIDITY_ENDED": (
        "您的余额有效期已过，业务已暂停。充值后自动恢复。",
        "The validity of your balance has ended and service has stopped. It comes back when you recharge.",
    ),
    "BALANCE": (
        "您的余额为{balance}元，其中预留{reserved}元；已使用未出账{unbilled}元，待付账单{owed}元。",
        "Your balance is {balance} yuan, {reserved} of it reserved. Used and not billed: {unbilled} yuan. Bills to pay:"
        " {owed} yuan.",
    ),
    "BALANCE_OLD": (
        "计费系统暂无应答，以上为最近一次的数据。",
        " Charging does not answer: these are its last figures.",
    ),
    "FREE_LEFT": ("您的免费资源剩余：{left}。", "You have left: {left}."),
    "NOTHING_FREE": ("您目前没有免费资源。", "You have no free resources."),
    "ORDER_CONFIRM": (
        "您将订购{name}，月费{fee}元。确认请在10分钟内回复Y。",
        "You are about to order {name} for {fee} yuan a month. To confirm, answer Y within 10 minutes.",
    ),
    "ORDER_DONE": ("您已成功订购{name}。", "You have ordered {name}."),
    "ORDER_REFUSED": (
        "该业务无法通过短信办理，请到营业厅或拨打10086。",
        "This cannot be ordered by message: come to the hall or call 10086.",
    ),
    "NOTHING_TO_CONFIRM": ("没有待确认的业务。", "There is nothing to confirm."),
    "USSD_ENTRY": ("{key} {name}", "{key} {name}"),
    "IVR_ENTRY": ("{name}请按{key}。", "For {name}, press {key}."),
    "IVR_PERSON": ("人工服务请按0。", "To speak to a person, press 0."),
    "MENU_BALANCE": ("余额", "your balance"),
    "MENU_FREE": ("免费资源", "free resources"),
    "MENU_EMERGENCY": ("紧急开机", "an emergency opening"),
    "KEYWORDS": (
        "余额查询请发CXYE，免费资源请发CXLL，订购请发KT加业务代码，紧急开机请发JJKJ。",
        "Send BALANCE for your balance, FREE for free resources, ADD and a code to order, OPEN for an emergency"
        " opening.",
    ),
}
_FEN, _LI = 100, 1000


class TemplateUnknown(KeyError):
    """There is no text of this name."""


def sms(number: int, template: str, *, language: str = "zh", secret: dict[str, str] | None = None) -> dict[str, Any]:
    """Write a message for the outbox; one that tells a secret is kept in the part that is forgotten when it is sent."""
    text = text_of(template, language=language, values=secret or {})
    payload: dict[str, Any] = {"number": number, "template": template, "language": language}
    return payload | ({"secret": {**secret, "text": text}} if secret else {"text": text})


def text_of(template: str, *, language: str, values: Mapping[str, Any]) -> str:
    """A template's text in a language; amounts come as `*_fen` or `*_li`, written in yuan. Raises TemplateUnknown."""
    if template not in TEXTS:
        raise TemplateUnknown(template)
    zh, en = TEXTS[template]
    return (zh if language == "zh" else en).format(**dict(_said(name, one) for name, one in values.items()))


def _said(name: str, one: Any) -> tuple[str, Any]:
    if name.endswith("_fen"):
        return name.removesuffix("_fen"), yuan(one)
    return (name.removesuffix("_li"), yuan_to_the_li(one)) if name.endswith("_li") else (name, one)


def moment_text(at: datetime) -> str:
    """A moment on the operator's clock in plain text, as messages have it: 2026-11-03 10:00."""
    return at.astimezone(timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M")


def yuan(fen: int) -> str:
    """Fen as yuan in plain text, as messages and files have them."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // _FEN}.{abs(fen) % _FEN:02d}"


def yuan_to_the_li(li: int) -> str:
    """Li as yuan in plain text, with three decimals."""
    return f"{'-' if li < 0 else ''}{abs(li) // _LI}.{abs(li) % _LI:03d}"
