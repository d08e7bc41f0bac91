"""Diameter credit control (Gy, Ro): networks ask before their users use something. RFC 6733, RFC 8506, TS 32.299.

avps.py   numbers and bytes of messages, for everything that is not asked a hundred thousand times a second
wire.py   compiled: a socket's bytes into requests; wire_out.py answers into bytes
peers.py  one connection: capabilities, watchdog, faults, what to answer whom
homes.py  where sessions live, also after a restart; telling.py what networks are told until they confirm it
node.py   the listener beside the charging engine: collects what has arrived, one turn for all
"""
