"""Receivables (账务管理): what is owed, what was paid, and a double-entry ledger under every balance of money.

OWNS      the ledger and its chart of accounts, business days and periods; open items, late fees, clearing; money of
          accounts in buckets (账本); payments, refunds, transfers, write-offs; documents; tills; credit control.
NOT       bills and their items (billing), balances in use of prepaid users (charging), who pays for whom (customers).
ALWAYS    every entry balances to zero; nothing in the ledger is changed, a correction is an entry that names the one
          it reverses; a serial number is posted once; a bucket is never below zero, an item never paid beyond due;
          what the open items and buckets say is what the ledger says.
TIMES     `at` = the moment of the act; `business_on` = the day whose books it is in; `cleared_on` = the day up to
          which late fees count; `due_on` = the last day to pay without a late fee.
"""
