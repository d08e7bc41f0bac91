"""The reasons for which a user's service can be stopped, and how far each one stops it (D2.2)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StopReason:
    """One reason; `level` is ONE_WAY (outgoing barred) or TWO_WAY (all barred). Ids are stored: append only."""

    stop_reason_id: int
    code: str
    level: str
    name_zh: str
    name_en: str


STOP_REASONS = (
    StopReason(1, "REQ_HOLD", "TWO_WAY", "停机保号", "Number kept on request"),
    StopReason(2, "LOST", "TWO_WAY", "挂失", "Reported lost"),
    StopReason(3, "ARREARS_1", "ONE_WAY", "欠费半停", "Arrears, outgoing barred"),
    StopReason(4, "ARREARS_2", "TWO_WAY", "欠费停机", "Arrears, all barred"),
    StopReason(5, "HIGH_USE_1", "ONE_WAY", "高额半停", "High use, outgoing barred"),
    StopReason(6, "HIGH_USE_2", "TWO_WAY", "高额停机", "High use, all barred"),
    StopReason(7, "OPERATOR", "TWO_WAY", "局方停机", "Stopped by the operator"),
    StopReason(8, "REALNAME_1", "ONE_WAY", "实名半停", "Identity not registered, outgoing barred"),
    StopReason(9, "REALNAME_2", "TWO_WAY", "实名停机", "Identity not registered, all barred"),
    StopReason(10, "VALIDITY", "TWO_WAY", "有效期停机", "Validity ended"),
    StopReason(11, "FRAUD", "TWO_WAY", "涉诈停机", "Suspected fraud"),
    StopReason(12, "PRETERM", "TWO_WAY", "待销停机", "Waiting for cancellation"),
)
BY_ID = {reason.stop_reason_id: reason for reason in STOP_REASONS}
BY_CODE = {reason.code: reason for reason in STOP_REASONS}
