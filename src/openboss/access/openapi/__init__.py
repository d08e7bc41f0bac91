"""The open interfaces: TM Forum APIs over the same functions that the console calls.

Read under `/tmf-api/`, described under `/tmf-api/docs`. A caller is another system with a token of the
client-credentials grant; it acts as the member of staff it was registered for, within its scopes (docs/operating).
"""
