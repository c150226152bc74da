"""Who pays and who is paid: [insurance.payer] and [insurance.institutions."SCHEME"]."""

import unicodedata
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bpp.insurance.remittance.files import identifiers
from protocol_specs.node.settings import Frozen


def words(limit: int) -> Callable[[str], str]:
    """A check of text for a person at a bank: no control characters, up to `limit` long."""

    def check(text: str) -> str:
        plain = unicodedata.normalize("NFC", text)
        if not plain.strip() or len(plain) > limit or not plain.isprintable():
            raise ValueError(f"1 to {limit} characters that can be printed")
        return plain

    return check


Name = Annotated[str, AfterValidator(words(140))]
Bic = Annotated[str, AfterValidator(identifiers.bic)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Purpose = Literal["GOVI", "GOVT", "INSU", "LBRI", "TAXS"]
"""Of the external list ExternalPurpose1Code: government insurance, government payment, insurance
premium, labour insurance, tax."""


class Bank(Frozen):
    """Where an account is kept: a BIC; or a bank's code in its country's clearing system."""

    bic: Bic | None = None
    bank_code: Annotated[str, AfterValidator(identifiers.identification)] | None = None
    clearing_system: Annotated[str, Field(pattern=r"^[A-Z]{5}$")] | None = None  # such as INFSC

    @model_validator(mode="after")
    def _one_way(self) -> "Bank":
        if self.bic is not None and self.bank_code is not None:
            raise ValueError("say bic or bank_code, not both")
        if self.clearing_system is not None and self.bank_code is None:
            raise ValueError("clearing_system says whose bank_code it is; there is none")
        return self


class PayerSettings(Bank):
    """The cooperative, as its bank knows it. Its account is that of `insurance.bank_accounts`."""

    name: Name
    country: Country | None = None
    town: Annotated[str, AfterValidator(words(35))] | None = None


class InstitutionSettings(Bank):
    """Who is paid for a scheme, and how.

    `iban`, or `account` where there are none. `creditor_reference` is what the institution wants
    named in each payment: one that begins with RF is checked by ISO 11649. `our_number` is ours in
    the institution's books. `tax` adds the tax block with the period, for banks that ask for it.
    """

    name: Name
    iban: Annotated[str, AfterValidator(identifiers.iban)] | None = None
    account: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,34}$")] | None = None
    country: Country | None = None
    town: Annotated[str, AfterValidator(words(35))] | None = None
    creditor_reference: Annotated[str, AfterValidator(identifiers.creditor_reference)] | None = None
    our_number: Annotated[str, AfterValidator(identifiers.identification)] | None = None
    purpose: Purpose = "GOVT"
    tax: bool = False

    @model_validator(mode="after")
    def _one_account(self) -> "InstitutionSettings":
        if (self.iban is None) == (self.account is None):
            raise ValueError("say iban, or account where there are no IBANs: exactly one of them")
        return self
