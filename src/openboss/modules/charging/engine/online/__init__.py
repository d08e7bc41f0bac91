"""The engine's second clock: requests of networks, charged before the use goes on.

requests.py  the columns of requests and answers: the contract with the interfaces in access/network
desk.py      wallets, sessions and their services as arrays: growth, names for snapshots
arriving.py  compiled: requests find or open their sessions and services; again.py what is said again
kinds.py     calls, messages, being connected, data
moving.py    users who are elsewhere than their session's records say
growing.py   open records rated whole at every step, by the function that rates files
effects.py   compiled: what rating a record did, found by looking, undone before it is rated again
serving.py   charges, quotas, refusals, ends, one service of each user at a time; cuts.py where records are cut
usual.py     the usual requests of a group in one compiled call: admitting.py which they are, swift.py what is done,
             paying.py their wallets
images.py    what a group changed, as bytes: journalled, and applied again after a crash
turns.py     one turn: a group in, answers and images out
orders.py    commands of business: wallets, top-ups, holds, grants, bars; former.py which wallet pays for which month;
             black_list.py what nobody may use
silent.py    sessions that silence settled, should files tell of them first; debits.py events, for a day
"""
