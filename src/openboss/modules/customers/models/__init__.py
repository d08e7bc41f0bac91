"""Data of the customer-user-account model (D1). Integrity over time is kept by exclusion constraints. No logic here."""

from openboss.modules.customers.models.interactions import Interaction
from openboss.modules.customers.models.leads import CustomerClass, Lead, LeadVisit
from openboss.modules.customers.models.passwords import Challenge, DynamicCode, Password
from openboss.modules.customers.models.records import Contact, CustomerManager, ListEntry, VipGrade
from openboss.modules.customers.models.stars import StarRating
from openboss.modules.customers.models.subscribers import (
    AccessLine,
    Account,
    Agreement,
    Certificate,
    ClosedGroup,
    Customer,
    CustomerAlias,
    GroupMember,
    Holding,
    ListedNumber,
    NumberPeriod,
    PaymentRelation,
    PlannedOpening,
    SimPeriod,
    StateChange,
    StopPeriod,
    Subscriber,
)

__all__ = [
    "AccessLine",
    "Account",
    "Agreement",
    "Certificate",
    "Challenge",
    "ClosedGroup",
    "Contact",
    "Customer",
    "CustomerAlias",
    "CustomerClass",
    "CustomerManager",
    "DynamicCode",
    "GroupMember",
    "Holding",
    "Interaction",
    "Lead",
    "LeadVisit",
    "ListEntry",
    "ListedNumber",
    "NumberPeriod",
    "Password",
    "PaymentRelation",
    "PlannedOpening",
    "SimPeriod",
    "StarRating",
    "StateChange",
    "StopPeriod",
    "Subscriber",
    "VipGrade",
]
