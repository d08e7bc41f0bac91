"""The words for every code the console shows and the tone that goes with it, in both languages through gettext."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openboss.kernel.usage import LdType, OtherNet, RecordType, RoamType, Status


@dataclass(frozen=True)
class Word:
    """What a code is called, and good, warn, bad, info, violet or nothing for how it looks."""

    text: str | Promise
    tone: str = ""


WORDS: dict[str, dict[str, Word]] = {
    "subscriber_state": {
        "PREOPENED": Word(_("Pre-opened"), "info"),
        "ACTIVE": Word(_("Active"), "good"),
        "ONE_WAY_STOP": Word(_("One-way stop"), "warn"),
        "TWO_WAY_STOP": Word(_("Two-way stop"), "bad"),
        "PRE_TERMINATED": Word(_("Pre-terminated"), "bad"),
        "TERMINATED": Word(_("Terminated")),
    },
    "customer_kind": {"INDIVIDUAL": Word(_("Individual")), "UNIT": Word(_("Unit"), "violet")},
    "vip": {
        "NONE": Word(_("Ordinary")),
        "SILVER": Word(_("Silver card"), "info"),
        "GOLD": Word(_("Gold card"), "warn"),
        "DIAMOND": Word(_("Diamond card"), "violet"),
    },
    "customer_class": {
        "ORDINARY": Word(_("Ordinary")),
        "NORMAL": Word(_("Ordinary")),
        "KEY": Word(_("Key customer"), "warn"),
        "GROUP": Word(_("Group customer"), "violet"),
    },
    "pay_type": {"PREPAID": Word(_("Prepaid")), "POSTPAID": Word(_("Postpaid"))},
    "service_type": {
        "MOBILE": Word(_("Mobile")),
        "BROADBAND": Word(_("Broadband")),
        "FIXED": Word(_("Fixed line")),
        "VPMN": Word(_("VPMN")),
    },
    "cert_type": {
        "ID_CARD": Word(_("ID card")),
        "PASSPORT": Word(_("Passport")),
        "LICENCE": Word(_("Business licence")),
        "BUSINESS_LICENCE": Word(_("Business licence")),
    },
    "state_event": {
        "OPEN": Word(_("Opened")),
        "TERMINATE": Word(_("Terminated")),
        "RE_INSTATE": Word(_("Re-instated")),
        "REQ_HOLD": Word(_("Stop with the number kept")),
        "LOST": Word(_("Loss reported")),
        "ARREARS_1": Word(_("Arrears, one-way")),
        "ARREARS_2": Word(_("Arrears")),
        "HIGH_USE_1": Word(_("High usage, one-way")),
        "HIGH_USE_2": Word(_("High usage")),
        "OPERATOR": Word(_("Stopped by the operator")),
        "REALNAME": Word(_("Identity not registered")),
        "VALIDITY": Word(_("Validity ended")),
        "FRAUD": Word(_("Suspected fraud")),
        "PRETERM": Word(_("Pre-terminated")),
    },
    "pay_method": {
        "CASH": Word(_("Cash")),
        "DIRECT_DEBIT": Word(_("Direct debit")),
        "GROUP": Word(_("Paid by group")),
    },
    "relation_mode": {
        "FULL": Word(_("In full")),
        "RATIO": Word(_("By ratio")),
        "LIMIT": Word(_("Up to a limit")),
        "REST": Word(_("The rest")),
    },
    "brand": {
        "GOTONE": Word(_("GoTone"), "info"),
        "EASYOWN": Word(_("Easyown"), "good"),
        "MZONE": Word(_("M-Zone"), "violet"),
    },
    "offer_kind": {
        "STANDARD": Word(_("Standard tariff"), "violet"),
        "MAIN": Word(_("Main plan"), "info"),
        "ADDON": Word(_("Add-on")),
        "GROUP": Word(_("Group product")),
        "FAMILY": Word(_("Family product")),
    },
    "version_state": {
        "DRAFT": Word(_("Draft"), "warn"),
        "SUBMITTED": Word(_("Waiting for approval"), "info"),
        "APPROVED": Word(_("Approved"), "violet"),
        "PUBLISHED": Word(_("Published"), "good"),
    },
    "offer_life": {
        "DRAFT": Word(_("Draft"), "warn"),
        "TEST": Word(_("In test"), "info"),
        "FILED": Word(_("Filed"), "violet"),
        "ON_SALE": Word(_("On sale"), "good"),
        "OFF_SALE": Word(_("Off sale")),
        "RETIRED": Word(_("Retired"), "bad"),
    },
    "offer_move": {
        "DRAFT": Word(_("Back to draft")),
        "TEST": Word(_("Offer into test")),
        "FILED": Word(_("Offer is filed")),
        "ON_SALE": Word(_("Put on sale")),
        "OFF_SALE": Word(_("Take off sale")),
        "RETIRED": Word(_("Retire")),
    },
    "rule_change": {
        "NEW": Word(_("new"), "good"),
        "GONE": Word(_("gone"), "bad"),
        "CHANGED": Word(_("changed"), "warn"),
    },
    "axis": {
        "component": Word(_("Part")),
        "record": Word(_("Kind of use")),
        "roam": Word(_("Roaming")),
        "ld": Word(_("Distance")),
        "net": Word(_("Network")),
        "group": Word(_("Group")),
    },
    "first_month": {
        "PRORATE": Word(_("By days")),
        "FULL": Word(_("In full")),
        "HALF": Word(_("Half after the 15th")),
        "PAY_AS_YOU_GO": Word(_("No fee, pay for use")),
    },
    "discount_phase": {
        "P3": Word(_("Items")),
        "P4": Word(_("Across services")),
        "P5": Word(_("The bill")),
        "P6": Word(_("Cap")),
        "P7": Word(_("Minimum spend")),
    },
    "rule_kind": {
        "PRICE": Word(_("Price"), "info"),
        "FREE": Word(_("Free resource"), "good"),
        "RECURRING": Word(_("Recurring fee"), "violet"),
        "DISCOUNT": Word(_("Discount"), "good"),
        "CAP": Word(_("Fee cap"), "warn"),
    },
    "record_type": {
        "MOC": Word(_("Call made")),
        "MTC": Word(_("Call received")),
        "CALL_FORWARD": Word(_("Call forwarded")),
        "SMS_MO": Word(_("SMS sent")),
        "SMS_MT": Word(_("SMS received")),
        "MMS": Word(_("MMS")),
        "DATA": Word(_("Mobile data")),
        "WLAN": Word(_("WLAN")),
        "IN_PRERATED": Word(_("Charged by the intelligent network")),
        "SP_FEE": Word(_("Information fee")),
        "BROADBAND": Word(_("Broadband")),
        "TAP_IN": Word(_("Roaming record (TAP)")),
        "GATEWAY": Word(_("Gateway record")),
        "VIDEO_CALL": Word(_("Video call")),
    },
    "roam_type": {
        "HOME": Word(_("At home")),
        "INTRA_PROV": Word(_("Roaming in the province")),
        "INTER_PROV_OUT": Word(_("Roaming in another province")),
        "INTER_PROV_IN": Word(_("Visitor of another province")),
        "INTL_OUT": Word(_("International roaming")),
        "INTL_IN": Word(_("Visitor from abroad")),
    },
    "ld_type": {
        "LOCAL": Word(_("Local")),
        "INTRA_PROV_LD": Word(_("Long distance in the province")),
        "INTER_PROV_LD": Word(_("Domestic long distance")),
        "HMT": Word(_("Hong Kong, Macao, Taiwan")),
        "INTL": Word(_("International")),
        "INTL_LISTED": Word(_("International (night price)")),
        "IP_LD": Word(_("IP long distance")),
    },
    "other_net": {
        "OWN_MOBILE": Word(_("On-net")),
        "CUCC": Word(_("China Unicom")),
        "CTCC": Word(_("China Telecom")),
        "FIXED": Word(_("Fixed network")),
        "SATELLITE": Word(_("Satellite")),
        "FOREIGN": Word(_("Foreign network")),
    },
    "closed_group": {
        "NONE": Word(_("Outside groups")),
        "FAMILY": Word(_("Within the family")),
        "VPMN": Word(_("Within the VPMN")),
    },
    "component": {
        "basic": Word(_("Basic charge")),
        "ld": Word(_("Long-distance charge")),
        "info": Word(_("Information fee")),
    },
    "usage_status": {
        "RATED": Word(_("Rated"), "info"),
        "FREE": Word(_("Free"), "good"),
        "ERROR": Word(_("Error"), "bad"),
        "DUPLICATE": Word(_("Duplicate"), "warn"),
        "FILTERED": Word(_("Filtered")),
    },
    "file_state": {
        "RECEIVED": Word(_("Received"), "info"),
        "CHUNKED": Word(_("Waiting for rating"), "info"),
        "RATED": Word(_("Rated"), "good"),
        "HELD": Word(_("Held"), "warn"),
        "REFUSED": Word(_("Refused"), "bad"),
    },
    "stage": {
        "DECODE": Word(_("Decode")),
        "VALIDATE": Word(_("Validate")),
        "NORMALISE": Word(_("Normalise")),
        "RATE": Word(_("Rate")),
    },
    "alarm_kind": {
        "GAP": Word(_("Gap in sequence"), "warn"),
        "DUPLICATE": Word(_("Duplicate file"), "warn"),
        "TRAILER": Word(_("Trailer does not match"), "bad"),
        "DECODE": Word(_("Cannot be decoded"), "bad"),
        "SOURCE": Word(_("Unknown source"), "bad"),
        "BALANCE": Word(_("Counters out of balance"), "bad"),
        "DISK": Word(_("Disk full or nearly full"), "bad"),
        "OVERLAP": Word(_("Calls at two switches at once"), "warn"),
    },
    "error_state": {
        "OPEN": Word(_("Open"), "bad"),
        "CORRECTED": Word(_("Corrected"), "info"),
        "RECYCLED": Word(_("Recycled"), "good"),
        "WRITE_OFF_REQUESTED": Word(_("Write-off requested"), "warn"),
        "WRITTEN_OFF": Word(_("Written off")),
    },
    "cycle_state": {
        "OPEN": Word(_("Open for usage"), "info"),
        "CUT": Word(_("Cut"), "warn"),
        "CALCULATED": Word(_("Calculated"), "warn"),
        "AUDITED": Word(_("Audited"), "violet"),
        "RELEASED": Word(_("Released"), "good"),
        "CLOSED": Word(_("Closed")),
    },
    "bill_state": {
        "new": Word(_("Trial"), "warn"),
        "onHold": Word(_("On hold"), "bad"),
        "validated": Word(_("Released"), "good"),
        "sent": Word(_("Released"), "good"),
        "partiallySettled": Word(_("Partly paid"), "warn"),
        "settled": Word(_("Paid"), "good"),
        "writtenOff": Word(_("Written off")),
    },
    "step_state": {
        "WAITING": Word(_("Waiting")),
        "RUNNING": Word(_("Running"), "info"),
        "DONE": Word(_("Done"), "good"),
        "FAILED": Word(_("Failed"), "bad"),
    },
    "job_state": {
        "todo": Word(_("Waiting"), "info"),
        "doing": Word(_("Running"), "warn"),
        "succeeded": Word(_("Done"), "good"),
        "failed": Word(_("Failed"), "bad"),
        "cancelled": Word(_("Cancelled")),
        "aborting": Word(_("Stopping"), "warn"),
        "aborted": Word(_("Stopped")),
    },
    "audit_action": {
        "billing.move_cycle": Word(_("Month moved to another state")),
        "billing.post_charge": Word(_("One-time charge posted")),
        "billing.print_bill": Word(_("Bill printed")),
        "billing.release": Word(_("Bills released")),
        "billing.sign_finding": Word(_("Finding signed")),
        "catalog.publish": Word(_("Tariffs published to charging")),
        "catalog.put_offer": Word(_("Offer loaded")),
        "catalog.submit": Word(_("Tariff sent for approval")),
        "catalog.approve": Word(_("Tariff approved")),
        "catalog.return": Word(_("Tariff sent back")),
        "catalog.file": Word(_("Tariff filed")),
        "catalog.move_offer": Word(_("Offer moved in its life")),
        "system.save_view": Word(_("View saved")),
        "system.remove_view": Word(_("View removed")),
        "catalog.replace_reference": Word(_("Reference tables loaded")),
        "charging.refuse_file": Word(_("File given up")),
        "charging.correct_errors": Word(_("Error records corrected")),
        "charging.recycle_errors": Word(_("Error records recycled")),
        "charging.write_off_errors": Word(_("Error records written off")),
        "customers.load_base": Word(_("Customers taken over")),
        "customers.open_subscriber": Word(_("User opened")),
        "customers.open_account": Word(_("Account opened")),
        "customers.change_main_offer": Word(_("Main plan changed")),
        "customers.hold_product": Word(_("Product ordered")),
        "customers.end_product": Word(_("Product ended")),
        "customers.put_payment_relation": Word(_("Payment relation set")),
        "customers.end_payment_relation": Word(_("Payment relation ended")),
        "customers.add_stop_reason": Word(_("Service stopped")),
        "customers.clear_stop_reason": Word(_("Service started again")),
        "customers.pre_terminate": Word(_("Pre-terminated")),
        "customers.re_instate": Word(_("Re-instated")),
        "customers.terminate": Word(_("Terminated")),
        "customers.reveal": Word(_("Personal data shown")),
        "list.export": Word(_("List exported")),
        "system.import_organisation": Word(_("Organisation loaded")),
        "system.login": Word(_("Logged in")),
        "system.login_refused": Word(_("Login refused")),
        "system.login_locked": Word(_("Login locked")),
        "system.put_org_node": Word(_("Place changed")),
        "system.put_role": Word(_("Role changed")),
        "system.put_staff": Word(_("Person changed")),
        "system.put_parameter": Word(_("Parameter changed")),
        "system.set_password": Word(_("Password changed")),
    },
    "job": {
        "openboss.seal_audit": Word(_("Seal the audit log")),
        "openboss.check_balances": Word(_("Check that all records are accounted for")),
        "openboss.recycle_after_new_tables": Word(_("Recycle errors after new tables")),
        "openboss.recycle_error_pool": Word(_("Recycle the error pool")),
        "openboss.propose_write_offs": Word(_("Propose old errors for writing off")),
        "openboss.check_overlaps": Word(_("Look for calls at two switches at once")),
        "openboss.close_month": Word(_("Close a month up to the audit")),
    },
    "run_step": {
        "FREEZE": Word(_("Freeze the month")),
        "COLLECT": Word(_("Collect the inputs")),
        "RECURRING": Word(_("Monthly fees")),
        "DISCOUNT": Word(_("Discounts")),
        "BILL": Word(_("Shares and trial bills")),
        "AUDIT": Word(_("Audit against last month")),
        "RELEASE": Word(_("Release")),
    },
    "bill_input": {
        "USAGE": Word(_("Usage")),
        "RECURRING": Word(_("Monthly fees")),
        "ONE_TIME": Word(_("One-time fees")),
        "THIRD_PARTY": Word(_("Collected for others")),
        "ADJUSTMENT": Word(_("Adjustments")),
    },
    "finding": {
        "FIRST_CYCLE": Word(_("First month: nothing to compare with")),
        "ACCOUNTS": Word(_("Number of bills differs from last month")),
        "ITEM": Word(_("Item differs from last month")),
        "TOP_BILL": Word(_("One of the highest bills")),
        "ZERO_BILLS": Word(_("Bills with nothing to pay")),
        "NEGATIVE_BILL": Word(_("Negative bill")),
        "JUMP": Word(_("Bill far above its usual")),
        "PLAN_WITHOUT_FEE": Word(_("Plan without its monthly fee")),
        "SAMPLE": Word(_("Worked out again: differs")),
        "SAMPLE_CHECKED": Word(_("Users worked out again by other means")),
    },
    "severity": {
        "SERIOUS": Word(_("Serious"), "bad"),
        "WARNING": Word(_("Look at it"), "warn"),
        "INFO": Word(_("For information"), "info"),
    },
}

_ENUMS: dict[str, type[Enum]] = {
    "record_type": RecordType,
    "roam_type": RoamType,
    "ld_type": LdType,
    "other_net": OtherNet,
    "usage_status": Status,
}


def word(vocabulary: str, code: object) -> Word:
    """The word for a code; a code nobody named yet is shown as it is, never hidden."""
    if isinstance(code, Enum):
        code = code.name
    elif isinstance(code, int) and vocabulary in _ENUMS:
        code = _ENUMS[vocabulary](code).name
    return WORDS[vocabulary].get(str(code), Word(str(code or "")))


def choices(vocabulary: str) -> tuple[tuple[str, str | Promise], ...]:
    """A vocabulary as the choices of a filter."""
    return tuple((code, entry.text) for code, entry in WORDS[vocabulary].items())
