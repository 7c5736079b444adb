"""A SIP user agent: messages, transactions, dialogs and sessions; knows nothing of calls, documents, HTTP or SQL.

The core is pure: machines and values that know no socket and no clock. The shell (`transport`, `resolver`,
`endpoint`) performs what they ask for and holds no rules of the protocol.
"""
