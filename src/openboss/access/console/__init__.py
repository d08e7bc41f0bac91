"""The staff's console in the browser: screens that ask functions and processes, and never a table.

Server-rendered pages with htmx for the parts that move. Each list is a few declarative lines (`lists.py`), each code of
the trade has its words in one place (`words.py`), each amount, number and moment its format in one place (`formats.py`).
"""
