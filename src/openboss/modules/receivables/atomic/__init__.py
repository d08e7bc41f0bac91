"""The only way to the tables of receivables. Callers name the file: ledger, days, debts, payments ..."""
