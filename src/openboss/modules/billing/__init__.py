"""Billing (账务处理): from frozen usage to released bills.

Owns: cycles, bill runs and their steps, bills and bill items, the lines and discount choices behind them, one-time
charges waiting for a bill, audit findings.
Does not own: usage and its prices (charging), offers (catalog), who pays (customers), what was paid (receivables).
Always true: every fen of a bill item comes from lines plus chosen discounts; the shares of an item add up to the
item; a released bill does not change; the same inputs give the same bills however often a step is started again.
Times: `cycle` is the month that is billed; `cut_at` its end; `released_at` when the bills became final; `due_on` the
last day to pay, the end of the month after the cycle.
"""
