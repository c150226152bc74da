"""Files of remittances: those that are written for banks and institutions, those that they send.

`pain001`, `table`, `karnataka`, `form_xx` write, values in and bytes out; `pain002` and `camt054`
read, bytes in and values out; `making` and `applying` stand between these and the books,
`commands` between both and a person. docs/remittance-files.md
"""
