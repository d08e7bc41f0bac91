"""The staff's console in the browser: screens that ask functions and processes, and never a table.

Server-rendered pages with htmx for the parts that move. Each list is a few declarative lines (`lists.py`); the codes
of the trade have their words in one place (`words.py`), amounts, numbers and moments their format (`formats.py`).
"""
