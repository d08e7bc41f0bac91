"""What higher modules, processes and access ask of the resources module."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from openboss.modules.resources import atomic
from openboss.modules.resources.atomic import (
    BookCount,
    BookKnown,
    BookNotHeld,
    BookRow,
    BookUnknown,
    CardRow,
    FileKnown,
    FileWrong,
    FormOutOfOrder,
    FormRow,
    ImeiWrong,
    ItemUnknown,
    ItemView,
    MoveRow,
    NotYourStock,
    NumberChosen,
    NumberOffer,
    NumberRow,
    NumberUnknown,
    OnePerson,
    ReasonNeeded,
    RechargeLocked,
    RequisitionUnknown,
    RequisitionView,
    ReturnTooLate,
    SegmentOverlaps,
    SegmentRow,
    SegmentWrong,
    SimImport,
    SimNotFree,
    SimUnknown,
    SimView,
    StockLine,
    StockShort,
    TerminalKnown,
    TerminalRow,
    TerminalUnknown,
    VoucherMade,
    VoucherNotActive,
    VoucherRow,
    VoucherSpent,
    VoucherUnknown,
    VoucherUsed,
    alarm_low_stock,
    answer_requisition,
    ask_for_stock,
    book_row,
    count_book,
    count_books,
    count_numbers,
    count_sims,
    count_terminals,
    count_vouchers,
    expire_vouchers,
    find_numbers,
    free_numbers_due,
    free_sims,
    generate_vouchers,
    give_reserved_number_back,
    import_sims,
    issue_sims,
    item_types,
    list_books,
    list_forms,
    list_moves,
    list_numbers,
    list_segments,
    list_sims,
    list_terminals,
    list_vouchers,
    load_segment,
    lock_number,
    low_stock,
    may_be_taken,
    move_book,
    move_goods,
    move_numbers,
    move_terminal,
    move_vouchers,
    number_view,
    numbers_in_use,
    occupy_number,
    open_segment,
    pair_sim,
    pass_number,
    pass_sim,
    put_item_types,
    quarantine_number,
    receive_book,
    receive_terminals,
    release_number,
    requisition_view,
    requisitions,
    reserve_number,
    retire_sim,
    set_number_state,
    ship_requisition,
    sim_view,
    stock_lines,
    stock_of,
    take_numbers_over,
    take_reserved_number,
    take_sims_over,
    take_stock,
    unlock_codes,
    unpair_sim,
    use_form,
    use_sim,
    use_voucher,
    void_form,
    write_sim,
)
from openboss.modules.resources.grades import DEMO_GRADES, Grade, grade_of, grades_on
from openboss.modules.resources.states import MoveForbidden
from openboss.modules.system.atomic import org_subtree

__all__ = [
    "BookCount",
    "BookKnown",
    "BookNotHeld",
    "BookUnknown",
    "DEMO_GRADES",
    "FileKnown",
    "FileWrong",
    "FormOutOfOrder",
    "Grade",
    "ImeiWrong",
    "ItemUnknown",
    "ItemView",
    "MoveForbidden",
    "NotYourStock",
    "NumberChosen",
    "NumberOffer",
    "NumberUnknown",
    "OnePerson",
    "ReasonNeeded",
    "RechargeLocked",
    "RequisitionUnknown",
    "RequisitionView",
    "ReturnTooLate",
    "SegmentOverlaps",
    "SegmentWrong",
    "SimImport",
    "SimNotFree",
    "SimUnknown",
    "SimView",
    "StockLine",
    "StockShort",
    "TerminalKnown",
    "TerminalUnknown",
    "BookRow",
    "FormRow",
    "TerminalRow",
    "book_row",
    "count_books",
    "list_books",
    "list_forms",
    "list_terminals",
    "VoucherMade",
    "VoucherNotActive",
    "VoucherSpent",
    "VoucherUnknown",
    "VoucherUsed",
    "alarm_low_stock",
    "answer_requisition",
    "ask_for_stock",
    "count_book",
    "count_numbers",
    "count_sims",
    "count_terminals",
    "count_vouchers",
    "expire_vouchers",
    "find_numbers",
    "free_numbers_due",
    "give_reserved_number_back",
    "free_sims",
    "generate_vouchers",
    "grade_of",
    "grades_on",
    "import_sims",
    "issue_sims",
    "item_types",
    "load_segment",
    "lock_number",
    "may_be_taken",
    "move_book",
    "move_goods",
    "move_numbers",
    "move_terminal",
    "move_vouchers",
    "number_view",
    "numbers_in_use",
    "occupy_number",
    "open_segment",
    "pair_sim",
    "receive_requisition",
    "pass_number",
    "pass_sim",
    "put_item_types",
    "quarantine_number",
    "receive_book",
    "receive_terminals",
    "release_number",
    "requisitions",
    "reserve_number",
    "retire_sim",
    "set_number_state",
    "ship_requisition",
    "sim_view",
    "stock_lines",
    "stock_of",
    "take_numbers_over",
    "take_reserved_number",
    "take_sims_over",
    "take_stock",
    "unlock_codes",
    "unpair_sim",
    "use_form",
    "use_sim",
    "use_voucher",
    "void_form",
    "write_sim",
    "CardRow",
    "MoveRow",
    "NumberRow",
    "SegmentRow",
    "VoucherRow",
    "list_moves",
    "list_numbers",
    "list_segments",
    "list_sims",
    "list_vouchers",
    "low_stock",
    "requisition_view",
    "SuperiorNeeded",
    "decide_move",
    "move_stock",
    "ship_move",
]


class SuperiorNeeded(Exception):
    """This stock leaves its place for one that is not below it: somebody set over both places decides (BMR-02)."""


@transaction.atomic
def move_stock(
    *, item_code: str, pieces: int, from_org: str, to_org: str, at: datetime, staff_id: int | None, staff_org: str
) -> int | None:
    """Move pieces between places: at once where both are the asker's own, else it is asked for.

    A place gives to those below it at once; what it returns upwards, gives to another branch, or wants of a place
    that is not below it, somebody set over both places decides. Returns the requisition, or None if it is done.
    Raises NotYourStock if neither place is the asker's, ItemUnknown, StockShort. Source: BMR-02, BMR-13.
    """
    own = org_subtree(code=staff_org)
    if from_org in own and to_org in own:
        _hand_over(item_code, pieces, from_org, to_org, at, staff_id)
        return None
    if not {from_org, to_org} & own:
        raise NotYourStock(from_org)
    if from_org in own and stock_of(org_codes=[from_org]).get((from_org, item_code), 0) < pieces:
        raise StockShort(item_code)
    return ask_for_stock(
        org_code=to_org, from_org=from_org, item_code=item_code, pieces=pieces, at=at, staff_id=staff_id
    )


def decide_move(*, requisition_id: int, approved: int, at: datetime, staff_id: int, staff_org: str) -> str:
    """Approve a requisition or refuse it with 0, as one set over both its places; return its state.

    Raises RequisitionUnknown, SuperiorNeeded, OnePerson, MoveForbidden. Source: BMR-02.
    """
    row = requisition_view(requisition_id=requisition_id)
    if not {row.org_code, row.from_org} <= org_subtree(code=staff_org):
        raise SuperiorNeeded(requisition_id)
    return answer_requisition(requisition_id=requisition_id, approved=approved, at=at, staff_id=staff_id)


def ship_move(*, requisition_id: int, at: datetime, staff_id: int | None, staff_org: str) -> str:
    """Send what was approved, from one's own place. Raises RequisitionUnknown, NotYourStock, MoveForbidden."""
    row = requisition_view(requisition_id=requisition_id)
    atomic.refuse_foreign(row.from_org, org_subtree(code=staff_org))
    return ship_requisition(requisition_id=requisition_id, at=at, staff_id=staff_id)


@transaction.atomic
def receive_requisition(
    *, requisition_id: int, confirmed: int, at: datetime, staff_id: int | None, within: Collection[str] | None = None
) -> RequisitionView:
    """Let the place that asked confirm what arrived: the pieces become its stock (BMR-13).

    Raises RequisitionUnknown, NotYourStock, MoveForbidden, StockShort if fewer lie at the sender.
    """
    row = atomic.confirm_requisition(requisition_id=requisition_id, confirmed=confirmed, at=at, staff_id=staff_id)
    atomic.refuse_foreign(row.org_code, within)
    _hand_over(row.item_code, confirmed, row.from_org, row.org_code, at, staff_id)
    return row


def _hand_over(item_code: str, pieces: int, from_org: str, to_org: str, at: datetime, staff_id: int | None) -> None:
    """Let pieces lie at another place: cards by number, the first ones of the place; goods by quantity."""
    between = {"from_org": from_org, "to_org": to_org, "item_code": item_code}
    if {item.code: item.kind for item in item_types()}.get(item_code) != "SIM":
        move_goods(**between, pieces=pieces, at=at, staff_id=staff_id)
        return
    cards = free_sims(org_codes=[from_org], item_code=item_code, limit=pieces)
    if not cards:
        raise StockShort(item_code)
    if issue_sims(first=cards[0].iccid, last=cards[-1].iccid, **between, at=at, staff_id=staff_id) != pieces:
        raise StockShort(item_code)
