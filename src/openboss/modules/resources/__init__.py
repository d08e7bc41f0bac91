"""What is scarce and counted: numbers, SIM cards, vouchers, forms, terminals, gifts (BMR-01 to BMR-13, D12).

OWNS      number segments and numbers with grade and state, SIM cards, vouchers, books of forms, terminals, goods by
          quantity, requisitions, stock-takes, and every move of stock between places.
NOT       who uses a number or a card (customers), what a sale costs and who paid (orders, receivables).
ALWAYS    a resource is in one state and belongs to one place of the organisation; states move only along
          `states.py`; one card, one IMSI, one number at a time; opening + in - out - used - lost = closing (D12.7).
TIMES     `*_until` is the moment at which a lock, a reservation or a quarantine ends.
"""
