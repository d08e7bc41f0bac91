"""HTTP/2 in the engine's own loop (RFC 9113, RFC 7541), for an interface that is asked thousands of times a second.

headers.py      header blocks, read and written
frames.py       frames and what may go wrong with them
connection.py   one connection: streams, windows, answers, and what it may not do to others
calm.py         how much may be said that asks nothing
stream.py       one request and its answer
connections.py  all connections of a port: how many, and how long they may be silent
"""
