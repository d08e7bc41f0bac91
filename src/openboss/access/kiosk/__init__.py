"""Self-service machines in halls (HAL-16, CHN-08): pages to touch, over the same functions as every other channel.

Owns: its pages, who is at the machine and for how long. Does not own: money (receivables, into the machine's box),
tickets (orders). The taker of banknotes is a simulator here and says so: a real one calls the same address.
"""
