"""Who acts for whom: mandates to file for this cooperative, and social-protection agents.

`mandate` is the signed file, `mandates` keeps those accepted, `filing` says who filed for whom,
`handover` is what the next one gets; `record` is an agent's own file, `attribution` says whose
registration a worker is, `commission` what that earns, `quality` how well each did.
docs/agents.md
"""
