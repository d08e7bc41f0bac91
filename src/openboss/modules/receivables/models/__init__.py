"""Data of receivables. No logic here."""

from openboss.modules.receivables.models.assurance import CheckRun, CollectorItem, Difference
from openboss.modules.receivables.models.collectors import CollectorFile
from openboss.modules.receivables.models.credit import CollectionCase, EmergencyOpening, Message, Standing
from openboss.modules.receivables.models.debts import (
    Allocation,
    Bucket,
    Clearing,
    LateFee,
    OpenItem,
    Receivable,
)
from openboss.modules.receivables.models.desk import LongRun, Proposal, WebOrder
from openboss.modules.receivables.models.direct_debit import DebitItem, DebitRun, Mandate
from openboss.modules.receivables.models.elsewhere import ElsewhereMonth, ElsewherePayment
from openboss.modules.receivables.models.hub import HubPayment
from openboss.modules.receivables.models.ledger import (
    BusinessDay,
    ChartAccount,
    DaySeal,
    Entry,
    Period,
    Posting,
)
from openboss.modules.receivables.models.money import Document, DocumentSeries, Payment, Till
from openboss.modules.receivables.models.monthly_gifts import MonthlyGift
from openboss.modules.receivables.models.objections import Objection
from openboss.modules.receivables.models.points import PointsBalance, PointsEntry
from openboss.modules.receivables.models.wallets import CreditWatch, Wallet, WalletRange, WalletUse

__all__ = [
    "Allocation",
    "Bucket",
    "BusinessDay",
    "ChartAccount",
    "CheckRun",
    "Clearing",
    "CollectionCase",
    "CollectorFile",
    "CollectorItem",
    "CreditWatch",
    "DaySeal",
    "DebitItem",
    "DebitRun",
    "Difference",
    "Document",
    "DocumentSeries",
    "ElsewhereMonth",
    "ElsewherePayment",
    "EmergencyOpening",
    "Entry",
    "HubPayment",
    "LateFee",
    "LongRun",
    "Mandate",
    "Message",
    "MonthlyGift",
    "Objection",
    "OpenItem",
    "Payment",
    "Period",
    "PointsBalance",
    "PointsEntry",
    "Posting",
    "Proposal",
    "Receivable",
    "Standing",
    "Till",
    "Wallet",
    "WalletRange",
    "WalletUse",
    "WebOrder",
]
