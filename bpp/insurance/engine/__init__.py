"""The arithmetic of contributions, pure: no clock, no file, no database. docs/vectors.md says how.

`exact` rounds, `calendar` names periods and counts days, `assess` gives what one job comes to,
`standing` what one event posts, `shares` splits a month between two bearers by the `rates` of one
worker, `plans` compares with bought plans, `closing` ends a period, `yearly` counts for a yearly
report. `facts` is what all of them are told.
"""
