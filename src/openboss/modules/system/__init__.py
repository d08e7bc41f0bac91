"""Who works here and what the house remembers about it.

OWNS      staff, roles and rights, the organisation tree, parameters of the operator, the audit trail and its seals,
          the outbox, serial numbers that make writes safe to repeat, the keys of encrypted columns.
NOT       customers, offers, or anything that only a telecom operator has.
ALWAYS    an audit entry is never altered or removed; a sealed entry that changes is noticed (D21.7);
          a parameter's most specific value valid on the day is the one that counts (D0.2).
TIMES     `at` = the moment something was done; `from_on`/`to_on` = the days a value is in force, half-open.
"""
