"""Wallets: prepaid money that the charging engine holds, and how far its use is in the ledger."""

from django.db import models
from django.db.models import Q


class Wallet(models.Model):
    """An account whose cash the charging engine has in use: every change of it is told to the engine."""

    account_id = models.BigIntegerField(primary_key=True)
    opened_at = models.DateTimeField()
    overdrawn_fen = models.BigIntegerField(default=0)  # used beyond the cash: a debt of the account
    opening_command_id = models.BigIntegerField(null=True)  # none: what was used before is known

    class Meta:
        db_table = "receivables_wallet"
        constraints = [
            models.CheckConstraint(condition=Q(overdrawn_fen__gte=0), name="receivables_wallet_overdrawn"),
        ]


class WalletUse(models.Model):
    """What a wallet has paid for use in a month: up to a position of the journal, and how much of it is posted."""

    pk = models.CompositePrimaryKey("account_id", "cycle")
    account_id = models.BigIntegerField()
    cycle = models.IntegerField()
    before_li = models.BigIntegerField(default=0)  # used before the wallet was opened: on the bill, not from it
    used_li = models.BigIntegerField(default=0)  # by the engine's totals, before_li included
    posted_fen = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    is_settled = models.BooleanField(default=False)  # the month was billed: the charge went back and the bill was paid

    class Meta:
        db_table = "receivables_walletuse"
        indexes = [models.Index(fields=["cycle"], condition=Q(is_settled=False), name="receivables_walletuse_open")]


class WalletRange(models.Model):
    """A range of the engine's journal whose use of wallets is posted, entry by entry under its number."""

    to_position = models.BigIntegerField(primary_key=True)
    from_position = models.BigIntegerField()
    paths = models.JSONField()
    sha256 = models.JSONField()
    published_at = models.DateTimeField()
    posted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "receivables_walletrange"


class CreditWatch(models.Model):
    """An account whose credit limit the engine watches: its wallet stands below zero by what is owed and used."""

    account_id = models.BigIntegerField(primary_key=True)
    since_at = models.DateTimeField()

    class Meta:
        db_table = "receivables_creditwatch"
