"""The operator's own values of the hall's rules: what holds where no parameter says otherwise (D0.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from openboss.modules.system.atomic import ParameterMissing, parameter_at


@dataclass(frozen=True)
class HallRule:
    """A value that an administrator may set by group, province, city, brand or offer; `default` is the demo's."""

    default: Any
    names: tuple[str, str]  # zh, en
    source: str


RULES: Mapping[str, HallRule] = {
    "hall.preopened_days": HallRule(180, ("预开户激活期限（天）", "Days to use a pre-opened number"), "D2.3"),
    "hall.arrears_stop_days": HallRule(30, ("欠费停机转预销（天）", "Days stopped for arrears"), "D2.3, D9.5"),
    "hall.arrears_waiting_days": HallRule(30, ("欠费预销转销户（天）", "Days waiting for arrears"), "D2.3, D9.5"),
    "hall.cancel_waiting_months": HallRule(3, ("预销号等待（月）", "Months between the two cancellations"), "HAL-08"),
    "hall.pre_cancel_average_fen": HallRule(30_000, ("预销号月均额度", "Average bill that asks a prepayment"), "D14.5"),
    "hall.pre_cancel_prepay_fen": HallRule(20_000, ("预销号预交", "Prepayment at pre-cancellation"), "D14.5"),
    "hall.designated_outlets": HallRule((), ("预销号指定营业厅", "Halls that take pre-cancellations"), "HAL-06"),
    "hall.deposit_fen": HallRule(10_000, ("开户预存款", "Pre-deposit at opening"), "D8.9"),
    "hall.roaming_deposit_fen": HallRule(200_000, ("国际漫游预存款", "Pre-deposit for roaming abroad"), "D8.9"),
    "hall.roaming_deposit_waived_from_star": HallRule(
        5, ("免漫游预存星级", "Star that needs no roaming deposit"), "ACM-17"
    ),
    "hall.numbers_per_document": HallRule(5, ("一证最多号码", "Numbers for one document"), "D14.1"),
    "hall.guardian_age": HallRule(16, ("需监护人年龄", "Age below which a guardian comes along"), "D14.1"),
    "hall.sim_replacement_fee_fen": HallRule(1_000, ("补卡费", "Fee of a SIM replacement"), "HAL-11"),
    "hall.number_change_fee_fen": HallRule(2_000, ("改号费", "Fee of a change of number"), "HAL-13"),
    "hall.vanity_term_months": HallRule(24, ("靓号协议期（月）", "Term of a vanity number"), "D12.2"),
    "hall.vanity_breach_percent": HallRule(30, ("靓号违约金（%）", "Breach of a vanity term, percent"), "D12.2"),
    "hall.number_lock_minutes": HallRule(30, ("选号锁定（分钟）", "Minutes a chosen number is kept"), "D12.1"),
    "hall.number_reserve_days": HallRule(7, ("号码预占（天）", "Days a number stays reserved"), "D12.1"),
    "hall.number_quarantine_days": HallRule(90, ("号码冷冻期（天）", "Days a number rests"), "D12.1"),
    "hall.listed_numbers": HallRule(10, ("亲情号码最多个数", "Numbers of the user's own choice, at most"), "D0.2"),
    "hall.vip_months": HallRule(12, ("大客户评级月数", "Months whose average bill makes a VIP"), "D17.2"),
    "hall.keep_number_offer": HallRule("KEEP_NUMBER", ("停机保号产品", "Offer held while a number is kept"), "D2.2"),
    "hall.counter_offers": HallRule(
        (), ("收费时推荐产品（按序）", "Offers made after a payment, in this order; none: add-ons on sale"), "HAL-05"
    ),
    "hall.offer_rest_days": HallRule(
        30, ("同一产品不再推荐（天）", "Days until the same offer is made again"), "HAL-05"
    ),
    "hall.remote_card_places": HallRule(
        (), ("异地补卡备卡点", "Places whose cards are kept for users who are elsewhere"), "HAL-14"
    ),
    "hall.queue_wait_max_s": HallRule(600, ("排队时限（秒）", "Longest wait in a hall, seconds"), "HAL-15"),
    "hall.checklist.OPEN": HallRule(
        ("INTRODUCE", "FORM_FREE", "IDENTITY", "PAY_METHOD", "DEPOSIT", "PASSWORD", "RECEIPT", "SIM_CHOICE", "OFFER"),
        ("开户步骤", "Steps of an opening"),
        "HAL-01, D14.6",
    ),
    "hall.checklist.PRE_CANCEL": HallRule(
        ("REASON", "RETENTION", "IDENTITY"), ("预销号步骤", "Steps of a pre-cancellation"), "HAL-06"
    ),
}


def hall_rule(key: str, *, on: date, scopes: Mapping[str, str] | None = None) -> Any:
    """Read the value of a rule of the hall on a day: the operator's parameter, or else the demo's default."""
    try:
        return parameter_at(key=key, on=on, scopes=scopes)
    except ParameterMissing:
        return RULES[key].default
