"""A slip as one SMS: 160 characters of the GSM alphabet, or 70 where that does not hold them.

Source: 3GPP TS 23.038 sections 6.2.1 (default alphabet; its extensions count twice), 6.2.3 (UCS2).
"""

from collections.abc import Iterator

from bpp.insurance import slip_words as words
from bpp.insurance.slip_shape import SlipShown

GSM_MAX, UCS2_MAX = 160, 70
SLIP_ID_DIGITS = 8
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}\\[~]|€\f")


class TooLong(ValueError):
    """Not even the shortest text that says what must be said fits into one SMS."""


def text(slip: SlipShown) -> str:
    """The fullest text that fits into one SMS. The amount, what it is not, and the slip stay in.

    Raises TooLong.
    """
    for candidate in _from_full_to_short(slip):
        if fits(candidate):
            return candidate
    raise TooLong("what must be said does not fit into one SMS")


def fits(candidate: str) -> bool:
    """Whether one SMS holds it."""
    if all(character in GSM_BASIC or character in GSM_EXTENDED for character in candidate):
        return len(candidate) + sum(map(GSM_EXTENDED.__contains__, candidate)) <= GSM_MAX
    return len(candidate.encode("utf-16-be")) // 2 <= UCS2_MAX


def _from_full_to_short(slip: SlipShown) -> Iterator[str]:
    """The least needed words go first."""
    is_fee = slip.kind == "fee_slip"
    values = {
        "currency": slip.currency,
        "amount": words.amount(slip, slip.order_line.amount_minor),
        "institution": slip.scheme.institution,
    }
    what = (words.SMS_FEE if is_fee else words.SMS_SET_ASIDE).format(**values)
    short = (words.SMS_SHORT_FEE if is_fee else words.SMS_SHORT).format(**values)
    state = words.SMS_PROVISIONAL if slip.state == "provisional" else ""
    where = words.SMS_MONEY_IS[slip.money_is] if slip.order_line.amount_minor else ""
    sender = words.SMS_FROM.format(issuer=slip.issuer, day=words.local_day(slip))
    doubt = "" if slip.scheme.verified else words.SMS_UNVERIFIED
    why = words.SMS_WHY[slip.reason] if slip.reason else ""
    reference = words.SMS_SLIP.format(id=slip.slip_id[:SLIP_ID_DIGITS])
    for parts in (
        (sender, what, why, where, state, doubt, reference),
        (sender, what, why, state, doubt, reference),
        (what, why, where, state, doubt, reference),
        (what, why, state, doubt, reference),
        (what, why, doubt, reference),
        (what, doubt, reference),
        (what, reference),
        (short, state, doubt, reference),
        (short, doubt, reference),
        (short, reference),
    ):
        yield " ".join(part for part in parts if part)
