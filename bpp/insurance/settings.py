"""The [insurance] part of a provider's settings, and what must hold before it may be used."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from bpp.insurance.remittance.files.settings import InstitutionSettings, PayerSettings
from bpp.insurance.scheme import Option, Scheme
from bpp.insurance.scheme_file import SchemeError, load
from protocol_specs.node.paths import OwnPath
from protocol_specs.node.settings import Frozen, SettingsError
from protocol_specs.wire import keys
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.money import minor_units


def _share(value: object) -> Decimal:
    if not isinstance(value, str | Decimal):
        raise ValueError('write a rate as text, such as "0.20": a TOML number is not exact')
    share = Decimal(value) if str(value).replace(".", "", 1).isdigit() else Decimal("NaN")
    if not share.is_finite() or share > 1:
        raise ValueError('a rate is between "0" and "1"')
    return share


def _bank_number(value: object) -> str:
    """Without the blanks that people write an IBAN with."""
    number = "".join(str(value).split()).upper()
    if not number.isascii() or not number.isalnum() or not 4 <= len(number) <= 34:
        raise ValueError(
            "the number that the bank knows the account by has 4 to 34 letters, digits"
        )
    return number


BankNumber = Annotated[str, BeforeValidator(_bank_number)]
BankAccount = Annotated[str, Field(pattern=r"^11[01]0(:[a-z0-9.-]+)?$")]
"""1100, 1110, or 1110 of one scheme."""

Share = Annotated[Decimal, BeforeValidator(_share)]


def _public_key(value: object) -> object:
    keys.public_key(str(value))
    return value


PublicKey = Annotated[str, BeforeValidator(_public_key)]
"""An Ed25519 public key, base64."""


class Liable(Frozen):
    """Who owes a scheme's contributions on this network, and what says so. Kept with each order."""

    party: Literal["bpp", "bap"]
    source: str = Field(min_length=1)

    @field_validator("party", mode="before")
    @classmethod
    def _exactly_one(cls, party: object) -> object:
        if party not in ("bpp", "bap"):
            raise ValueError(
                'exactly one party is liable, "bpp" or "bap": what both claim is paid twice, what '
                "none claims is never paid"
            )
        return party


class InsuranceSettings(Frozen):
    """Which schemes run, who is liable, and what the money rules need to know.

    `mandates` says, for a scheme that rests on consent, where the workers' signed mandates are.
    `funded_by` says what pays a contribution that the cooperative bears. `options` chooses where a
    scheme leaves a choice; what is not named is the scheme's default.
    """

    schemes: tuple[str, ...] = ()
    allow_unverified: bool = False
    liable_party: dict[str, Liable] = Field(default_factory=dict)
    mandates: dict[str, str] = Field(default_factory=dict)
    funded_by: dict[str, Literal["commission", "member_dues", "network_fee"]] = Field(
        default_factory=dict
    )
    options: dict[str, dict[Option, str]] = Field(default_factory=dict)
    commission_rate: Share = Decimal(0)
    finder_fee_rate: Share = Decimal(0)  # what a BAP that collects keeps of the fare
    surplus_by: Literal["fares", "jobs"] = "fares"  # what a surplus is divided by
    ledger_key: OwnPath
    witness: OwnPath
    identity_key: str | None = None  # public: workers' identity numbers are sealed to it
    completion_alarm_h: int = Field(default=48, gt=0)
    statement_fonts: tuple[OwnPath, ...] = ()  # for a PDF, beside the bundled Latin ones
    cash_debt_limit: str | None = None  # "200.00"; who owes as much gets no new cash jobs
    bank_accounts: dict[BankAccount, BankNumber] = Field(
        default_factory=dict
    )  # "1110" = "MY00 BANK ..."
    institution_keys: dict[str, PublicKey] = Field(default_factory=dict)  # of those who sign agents
    payer: PayerSettings | None = None  # the cooperative, as its bank knows it
    institutions: dict[str, InstitutionSettings] = Field(default_factory=dict)  # by scheme

    @model_validator(mode="after")
    def _each_scheme_is_answered_for(self) -> Any:
        twice = {name for name in self.schemes if self.schemes.count(name) > 1}
        if twice:
            raise ValueError(f"schemes: {', '.join(sorted(twice))} stands twice")
        for key in ("liable_party", "mandates", "funded_by", "options", "institutions"):
            strangers = getattr(self, key).keys() - set(self.schemes)
            if strangers:
                raise ValueError(f"{key}: {', '.join(sorted(strangers))} is not in schemes")
        for name in self.schemes:
            if name not in self.liable_party:
                raise ValueError(
                    f"liable_party: nobody is liable for {name}; say party (bpp or bap) and source"
                )
        return self

    def cash_debt_limit_minor(self, currency: str) -> int | None:
        """The limit in the cooperative's currency; None: no limit. Raises Malformed."""
        if self.cash_debt_limit is None:
            return None
        limit = minor_units(self.cash_debt_limit, currency)
        if limit <= 0:
            raise Malformed("insurance.cash_debt_limit is above zero; leave it out for no limit")
        return limit

    def load_schemes(self) -> tuple[Scheme, ...]:
        """The packs, checked against these settings. Raises SettingsError naming what lacks."""
        return tuple(self._load(name) for name in self.schemes)

    def _load(self, name: str) -> Scheme:
        try:
            scheme = load(name)
        except SchemeError as error:
            raise SettingsError(f"insurance.schemes: {error}") from None
        unverified = scheme.unverified()
        if unverified and not self.allow_unverified:
            raise SettingsError(
                f"insurance.schemes: {name} is not verified ({', '.join(unverified)}); have "
                f"{scheme.institution} confirm it, or set insurance.allow_unverified = true: the "
                "slips will say so"
            )
        if scheme.basis == "consent" and not self.mandates.get(name):
            raise SettingsError(
                f"insurance.mandates: {name} rests on consent; say where the workers' signed "
                "mandates are kept"
            )
        if "cooperative" in scheme.bearers and self.funded_by.get(name) not in scheme.funded_by:
            raise SettingsError(
                f"insurance.funded_by: {name} is borne by the cooperative; say what funds it: "
                f"{', '.join(scheme.funded_by)}"
            )
        self._check_options(scheme)
        return scheme

    def _check_options(self, scheme: Scheme) -> None:
        for key, value in self.options.get(scheme.id, {}).items():
            allowed = scheme.options.get(key, ())
            if value not in allowed:
                raise SettingsError(
                    f"insurance.options: {scheme.id} has no {key} = {value!r}; "
                    f"it takes {', '.join(allowed) or 'no such option'}"
                )
