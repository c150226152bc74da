"""Money as integer minor units of an ISO 4217 currency, read once from the wire and never a float.

Rates are exact decimals; where a result is rounded is the scheme's business, not this module's.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact

from protocol_specs.wire.errors import Malformed

_AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,3}))?")
_EXACT = Context(prec=60, traps=[Inexact])

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP "
    "PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = {
    code: places
    for places, codes in ((0, _NO_DECIMALS), (2, _TWO_DECIMALS), (3, _THREE_DECIMALS))
    for code in codes.split()
}


def exponent(currency: str) -> int:
    """Decimal places of an ISO 4217 currency; raises Malformed for one we do not know."""
    places = _EXPONENTS.get(currency)
    if places is None:
        raise Malformed(f"{currency[:8]!r} is not a currency of ISO 4217 that is traded here.")
    return places


def minor_units(text: str, currency: str) -> int:
    """The wire's decimal string in minor units: ("249.50", "INR") is 24950; raises Malformed.

    Digits beyond the currency's places must be zero: nothing is rounded at the door.
    """
    places = exponent(currency)
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise Malformed(f"{text[:20]!r} is not an amount; write it like 249.50.")
    sign, whole, fraction = found[1], found[2], (found[3] or "").ljust(places, "0")
    if fraction[places:].strip("0"):
        raise Malformed(f"{text!r} is finer than {currency}, which has {places} decimals.")
    minor = int(whole + fraction[:places])
    return -minor if sign else minor


def amount(minor: int, currency: str) -> str:
    """Minor units as the wire's decimal string: (24950, "INR") is "249.50"."""
    places = exponent(currency)
    digits = str(abs(minor)).rjust(places + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def apply_rate(minor: int, rate: Decimal) -> Decimal:
    """`minor` times `rate`, exact and not yet rounded; decimal.Inexact beyond 60 digits."""
    return _EXACT.multiply(Decimal(minor), rate)


def round_half_up(value: Decimal) -> int:
    """The nearest integer, halves away from zero."""
    return int(value.to_integral_value(ROUND_HALF_UP))
