"""The error codes of usage (D4.2): what they mean, in the two languages, and how grave they are."""

from typing import NamedTuple


class ErrorCode(NamedTuple):
    """One code: severity FATAL (the whole file), SEVERE (the record), WARNING (accepted) or DUPLICATE."""

    code: str
    severity: str
    name_zh: str
    name_en: str


_ROWS = (
    ("E101", "FATAL", "文件名、序号或内容重复", "File name, sequence or content taken before"),
    ("E102", "WARNING", "文件序号缺失", "Gap in the file sequence"),
    ("E103", "FATAL", "文件尾记录数或时长不符", "Trailer missing or not matching the records"),
    ("E104", "FATAL", "文件无法解码", "File cannot be decoded"),
    ("E105", "FATAL", "未知数据源", "Unknown source"),
    ("E201", "SEVERE", "必填字段缺失或不可读", "Mandatory field missing or unreadable"),
    ("E202", "SEVERE", "号码或数字格式错误", "Bad number format"),
    ("E203", "SEVERE", "结束时间早于开始时间", "End before start"),
    ("E204", "SEVERE", "时长超过24小时或与起止时间不符", "Duration over 24 h or unlike end minus start"),
    ("E205", "SEVERE", "开始时间晚于当前时间10分钟以上", "Start more than 10 minutes in the future"),
    ("E206", "SEVERE", "流量为负", "Negative volume"),
    ("E207", "SEVERE", "话单超过90天", "Older than 90 days"),
    ("E301", "SEVERE", "通话时刻无此用户", "No user with this number at that moment"),
    ("E302", "SEVERE", "未知号段", "Unknown number prefix"),
    ("E303", "SEVERE", "未知基站或到访地", "Unknown cell or visited area"),
    ("E304", "SEVERE", "未知SP或业务", "Unknown partner or service"),
    ("E305", "SEVERE", "用户已销户", "User terminated"),
    ("E306", "SEVERE", "IMSI与号码不符", "IMSI and number do not belong together"),
    ("E307", "SEVERE", "未知中继", "Unknown trunk"),
    ("E401", "DUPLICATE", "重复话单", "Duplicate record"),
    ("E402", "WARNING", "同一用户通话重叠", "Overlapping calls of one user"),
    ("E501", "SEVERE", "找不到价格", "No price found"),
    ("E502", "SEVERE", "找到两个价格", "Two prices found"),
    ("E503", "SEVERE", "产品冲突", "Product conflict"),
    ("E504", "SEVERE", "金额超过合理上限", "Amount over the sanity limit"),
    ("E505", "SEVERE", "账期未开放", "No open cycle to post to"),
)
ERROR_CODES = {row[0]: ErrorCode(*row) for row in _ROWS}
