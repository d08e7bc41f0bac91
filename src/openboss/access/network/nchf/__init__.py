"""Nchf_ConvergedCharging (TS 32.291 R17): the charging function of a 5G core, over HTTP/2.

schema.py   what a message may hold: the parts of the published schema that are read or written
reading.py  a message into requests of the engine
answers.py  what the engine decided, as a message or as a problem
node.py     the resource and its three operations
notices.py  what we tell the network ourselves: come again, or stop
door.py     the port: HTTP/2 with or without TLS
"""
