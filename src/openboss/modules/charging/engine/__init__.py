"""The charging engine: the deterministic owner of everything that changes per event.

state.py       arrays of users, lanes and cycles; growth, snapshots, their digest
changes.py     compiled loops that apply base data, open and close cycles
duplicates.py  keys of records already rated, by day
rating.py      one chunk of usage through the kernel
lake.py        rated detail and published totals in Delta and Parquet
owner.py       inputs in one order: journal, commit, recover
query.py       what others may ask a running engine
last_events.py one user's newest charged events, from memory and the lake
"""
