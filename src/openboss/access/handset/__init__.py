"""The doors of what customers do with a handset: short messages, USSD menus and the voice menu, over HTTP with JSON.

Owns: reading and answering what the three gateways send (docs/formats/handset.md). Does not own: what is answered
(processes.serve_handset), message centres and voice platforms. Neither is here: the simulated message centre writes
replies down (access/network/handsets), and a voice platform is told the sentences it has to speak.
"""
