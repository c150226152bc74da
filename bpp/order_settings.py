"""Settings of what is agreed and asked beside the price: terms, form, contact, reasons, ratings."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from bpp.orders import forms
from bpp.orders.forms import FieldType, FormWanted, Step
from protocol_specs.node.settings import Frozen
from protocol_specs.wire import duration
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import Reason, Support, Terms

PERCENTAGE = r"^(100|[0-9]{1,2})(\.[0-9]{1,2})?$"
URL = r"^https?://[^\s<>\"]{3,500}$"


class TermsSettings(Frozen):
    """What the cooperative asks of a consumer's platform: the most it pays, the latest it waits.

    They are published as its terms, and a platform that asks for more is refused.
    """

    finder_fee_percentage: str = Field(default="0", pattern=PERCENTAGE)
    settlement_window: str = "PT60M"
    settlement_basis: Literal["DELIVERY", "INVOICE_RECEIPT"] = "DELIVERY"
    settlement_type: Literal["UPI", "NEFT", "RTGS"] = "UPI"
    mandatory_arbitration: bool = True
    court_jurisdiction: str | None = Field(default=None, max_length=100)
    delay_interest: str | None = Field(default=None, pattern=PERCENTAGE)
    static_terms: str | None = Field(default=None, pattern=URL)

    @field_validator("settlement_window")
    @classmethod
    def _is_duration(cls, window: str) -> str:
        try:
            duration.seconds(window)
        except Malformed as fault:
            raise ValueError(fault.reason) from None
        return window

    def terms(self) -> Terms:
        """The terms as messages say them."""
        return Terms(**self.model_dump())


class FieldSettings(Frozen):
    """One question of the form."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    label: str = Field(min_length=1, max_length=120)
    type: FieldType = "text"
    required: bool = True


class FormSettings(Frozen):
    """A form that a customer fills in before an order is taken; its url goes out with on_`step`."""

    title: str = Field(min_length=1, max_length=120)
    fields: tuple[FieldSettings, ...] = Field(min_length=1, max_length=20)
    step: Step = "init"
    required: bool = True

    @model_validator(mode="after")
    def _names_differ(self) -> "FormSettings":
        for kind in ("name", "label"):
            if len({getattr(one, kind) for one in self.fields}) < len(self.fields):
                raise ValueError(f"fields: two of them have the same {kind}")
        return self

    def wanted(self, url: str, secret: bytes) -> FormWanted:
        """The form, to be found under our public `url`; `secret` seals its ids."""
        return FormWanted(
            title=self.title,
            fields=tuple(forms.Field(**one.model_dump()) for one in self.fields),
            step=self.step,
            required=self.required,
            url=url.rstrip("/"),
            secret=secret,
        )


class SupportSettings(Frozen):
    """Whom a customer calls."""

    phone: str | None = Field(default=None, pattern=r"^\+?[0-9]{3,15}$")
    email: str | None = Field(default=None, pattern=r"^[^@\s]{1,64}@[^@\s]{1,255}$")
    url: str | None = Field(default=None, pattern=URL)

    @model_validator(mode="after")
    def _says_something(self) -> "SupportSettings":
        if self.phone is None and self.email is None and self.url is None:
            raise ValueError("give at least one of phone, email and url")
        return self

    def contact(self) -> Support:
        """The contact as messages say it."""
        return Support(**self.model_dump())


class ReasonSettings(Frozen):
    """A reason to cancel or return: the network's number and what a customer reads."""

    id: str = Field(min_length=1, max_length=40)
    text: str | None = Field(default=None, max_length=200)

    def reason(self) -> Reason:
        """The reason as messages say it."""
        return Reason(self.id, self.text)
