"""What is written to handsets about users and passwords, in both languages (PWD-06 to PWD-09)."""

from typing import Any

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
}


def sms(number: int, template: str, *, language: str = "zh", secret: dict[str, str] | None = None) -> dict[str, Any]:
    """Write a message for the outbox; one that tells a secret is kept in the part that is forgotten when it is sent."""
    zh, en = TEXTS[template]
    text = (zh if language == "zh" else en).format(**(secret or {}))
    payload: dict[str, Any] = {"number": number, "template": template, "language": language}
    return payload | ({"secret": {**secret, "text": text}} if secret else {"text": text})
