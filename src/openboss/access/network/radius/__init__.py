"""RADIUS for broadband and WLAN users: who may come in, what they used, and changes of what they may.

packets.py   bytes and packets, signatures, hidden passwords (RFC 2865, 2866, 2869, 5176)
clients.py   the access servers we know, with their secrets
ports.py     UDP: packets that are genuine, each answered once and again the same
logins.py    Access-Request: accepted for as long as the money lasts, or rejected with a reason
accounting.py  Start, Interim-Update, Stop, On and Off as requests of the engine, each counted once
changes.py   Change-of-Authorization and Disconnect towards an access server
"""
