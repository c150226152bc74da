"""Floor 2, the runtime every node stands on; knows no action by name.

`server.Node` puts it together. `door` takes messages in, `messages` keeps, handles and sends them,
`client` is the way out, `trust` knows who is who; `database` lies under `store`, `workers` makes
several processes one node; `telemetry` is what it says of itself, `ops` what operators look at.
"""
