"""The cooperative desk's pages: jobs, drivers, insurance, money, for people of the office by role.

They stand on the functions behind the JSON APIs; what is here is who may, what is asked before,
and how it is shown. docs/office.md.
"""
