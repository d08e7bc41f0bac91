"""What was asked for, by whom, and how far it got: one order model for every channel (D13, TMF622).

OWNS      orders with their items, checklist, documents and fee lines, and their states.
NOT       what an order changes (customers, resources), the money (receivables), how a flow goes (processes).
ALWAYS    a business serial number is one order for ever; nothing is carried out twice; a state moves only along
          `states.py`; a completed order is undone by another order, never changed.
TIMES     `effective_at` is the moment from which an order counts, `completed_at` when it was carried out.
"""
