"""The customer-user-account model: who they are, what they hold, who pays (ARC-16, D1).

OWNS      customers and merged ids, subscribers (users), their numbers and SIM cards over time, offers held, closed
          groups, accounts, payment relations, stop reasons and the history of states.
NOT       prices (catalog), use and free resources (charging), bills and money (billing, receivables).
ALWAYS    a number has one user at a moment, a user one number, one SIM and one main offer; a user's remainder is
          paid by exactly one account (REST); the stop state is derived from the stop reasons (D2.2);
          nothing is deleted, it is end-dated (D0.3).
TIMES     `period` = [from, to) in real time; `cycles` = [from, to) in billing cycles as 202610; an open end is empty.
"""
