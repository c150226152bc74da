"""A credit transfer of remittances: valid for two validators, its sums right, its bytes stable."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from bpp.insurance.remittance.files import identifiers, pain001
from bpp.insurance.remittance.files.pain001 import Credit, NotWritable, Payment
from bpp.insurance.remittance.files.settings import InstitutionSettings, PayerSettings
from protocol_specs.wire import money
from protocol_specs.wire.values import replace
from tests.bpp.insurance.remittance.files.pain001 import texts, valid

WITH_RF = "RF18539007547034"  # the example of ISO 11649


def institution(**more: Any) -> InstitutionSettings:
    fields = {"name": "PERKESO", "account": "564276543210", "bic": "MBBEMYKL", **more}
    return InstitutionSettings(**fields)


PAYER = PayerSettings(name="Riders' Own Cooperative", bic="CIBBMYKL", country="MY")
CREDIT = Credit(
    remittance="my.act872.gig/2026-07/1",
    end_to_end="my.act872.gig/2026-07/1",
    amount_minor=11880,
    account="8600123456",
    institution=institution(),
    first=date(2026, 7, 1),
    last=date(2026, 7, 31),
    text="my.act872.gig 2026-07",
)
PAYMENT = Payment(
    message_id=CREDIT.remittance,
    at=1_785_600_000,
    on=date(2026, 8, 14),
    currency="MYR",
    payer=PAYER,
    credits=(CREDIT,),
)


def with_credit(**changes: Any) -> Payment:
    return replace(PAYMENT, credits=(replace(CREDIT, **changes),))


def test_a_month_of_four_plans_is_one_transaction_of_their_sum() -> None:
    root = valid(pain001.write(PAYMENT))
    assert texts(root, "GrpHdr/MsgId") == ["my.act872.gig/2026-07/1"]
    assert texts(root, "NbOfTxs") == ["1", "1"]
    assert texts(root, "CtrlSum") == ["118.80", "118.80"]
    assert texts(root, "InstdAmt") == ["118.80"]
    assert texts(root, "EndToEndId") == ["my.act872.gig/2026-07/1"]
    assert texts(root, "RmtInf/Ustrd") == ["my.act872.gig 2026-07"]
    assert texts(root, "ReqdExctnDt/Dt") == ["2026-08-14"]


def test_every_way_to_name_banks_accounts_and_references_is_valid() -> None:
    full = institution(
        name='அரசு நிதி & <Sons> "北京"',
        account=None,
        iban="GB82 WEST 1234 5698 7654 32",
        creditor_reference=WITH_RF,
        our_number="EMP-77/2",
        purpose="LBRI",
        town="Bengaluru",
        country="IN",
        tax=True,
    )
    coded = institution(bic=None, bank_code="PUNB0123456", clearing_system="INFSC")
    nameless = institution(bic=None, creditor_reference="12-345 a")
    payment = replace(
        PAYMENT,
        payer=PayerSettings(name="O'Neill & Ko"),
        credits=(
            replace(CREDIT, institution=full, account="GB82WEST12345698765432"),
            replace(CREDIT, remittance="my.act872.gig/2026-08/1", institution=coded),
            replace(CREDIT, remittance="my.act872.gig/2026-09/1", institution=nameless),
        ),
    )
    root = valid(pain001.write(payment))
    assert texts(root, "Strd/CdtrRefInf/Ref") == ["12-345 a", WITH_RF]
    assert texts(root, "Strd/CdtrRefInf/Tp/CdOrPrtry/Cd") == ["SCOR"]
    assert texts(root, "Cdtr/Nm")[-1] == full.name
    assert texts(root, "Prd/FrToDt/ToDt") == ["2026-07-31"]
    assert texts(root, "PmtInf/NbOfTxs") == ["2", "1"]
    assert len(set(texts(root, "PmtInfId"))) == 2
    assert texts(root, "DbtrAgt/FinInstnId/Othr/Id") == ["NOTPROVIDED", "NOTPROVIDED"]


CREDITS = st.lists(
    st.builds(
        lambda n, minor, account: replace(
            CREDIT, remittance=f"my.act872.gig/2026-07/{n}", amount_minor=minor, account=account
        ),
        st.integers(1, 99),
        st.integers(1, 10**11),
        st.sampled_from(["8600123456", "8600999999", "GB82WEST12345698765432"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda credit: credit.remittance,
)


@given(CREDITS, st.sampled_from(["MYR", "IDR", "KRW", "KWD"]))
def test_the_control_sums_of_both_levels_are_those_of_what_is_paid(
    credits: list[Credit], currency: str
) -> None:
    payment = replace(PAYMENT, currency=currency, credits=tuple(credits))
    root = etree.fromstring(pain001.write(payment))
    total = sum(credit.amount_minor for credit in credits)
    (group,) = texts(root, "GrpHdr/CtrlSum")
    assert money.minor_units(str(group), currency) == total
    sums = [money.minor_units(str(each), currency) for each in texts(root, "PmtInf/CtrlSum")]
    paid = [money.minor_units(str(each), currency) for each in texts(root, "InstdAmt")]
    assert sum(sums) == sum(paid) == total
    assert texts(root, "GrpHdr/NbOfTxs") == [str(len(paid))]


@given(CREDITS, st.randoms())
def test_the_same_payment_gives_the_same_bytes_in_whatever_order_it_is_told(
    credits: list[Credit], random: Any
) -> None:
    shuffled = list(credits)
    random.shuffle(shuffled)
    one = replace(PAYMENT, credits=tuple(credits))
    assert pain001.write(one) == pain001.write(replace(one, credits=tuple(shuffled)))


@given(st.text(max_size=150), st.text(max_size=150))
def test_hostile_text_is_either_refused_or_written_as_it_is(name: str, text: str) -> None:
    try:
        payment = replace(
            PAYMENT, credits=(replace(CREDIT, institution=institution(name=name), text=text),)
        )
        raw = pain001.write(payment)
    except (ValidationError, NotWritable):
        return
    root = valid(raw)
    assert texts(root, "Cdtr/Nm") == [payment.credits[0].institution.name]
    assert texts(root, "RmtInf/Ustrd") == [text]


@pytest.mark.parametrize(
    ("payment", "says"),
    [
        (replace(PAYMENT, credits=()), "nothing to pay"),
        (with_credit(amount_minor=0), "not above zero"),
        (with_credit(amount_minor=-5), "not above zero"),
        (replace(PAYMENT, credits=(CREDIT, CREDIT)), "stands twice"),
        (replace(PAYMENT, on=date(2026, 8, 15)), "2026-08-15 is a Saturday"),
        (replace(PAYMENT, message_id="a" * 36), "1 to 35"),
        (replace(PAYMENT, message_id="a//b"), "no slash"),
        (replace(PAYMENT, message_id="a_b"), "1 to 35"),
        (with_credit(account="GB83WEST12345698765432"), "check digits of this IBAN"),
        (with_credit(text="tab\there"), "characters that can be printed"),
    ],
)
def test_what_no_bank_takes_is_refused_by_name(payment: Payment, says: str) -> None:
    with pytest.raises(NotWritable, match=says):
        pain001.write(payment)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"iban": "GB82WEST12345698765432"}, "exactly one"),
        ({"account": None}, "exactly one"),
        ({"account": None, "iban": "GB83WEST12345698765432"}, "check digits of this IBAN"),
        ({"account": None, "iban": "8600123456"}, "is no IBAN"),
        ({"account": "12<3"}, "should match pattern"),
        ({"creditor_reference": "RF19539007547034"}, "check digits of this RF"),
        ({"creditor_reference": "a//b"}, "no slash"),
        ({"bic": "MBBEMYK"}, "is no BIC"),
        ({"bank_code": "123"}, "not both"),
        ({"clearing_system": "INFSC"}, "there is none"),
        ({"name": "PERK\x00ESO"}, "can be printed"),
        ({"name": "PERK\u202eESO"}, "can be printed"),
        ({"name": ""}, "1 to 140"),
        ({"name": "x" * 141}, "1 to 140"),
        ({"purpose": "SALA"}, "Input should be"),
        ({"country": "my"}, "should match pattern"),
        ({"acount": "1"}, "Extra inputs"),
    ],
)
def test_a_wrong_institution_is_refused_by_its_key(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        institution(**fields)


def test_ids_too_long_for_a_bank_are_shortened_and_stay_apart() -> None:
    long = [f"in.karnataka.pbgw2025/FY2026-27Q2/{n}" for n in (1, 10, 11)]
    references = [identifiers.end_to_end_id(each) for each in long]
    assert references[0] == long[0]
    assert len(set(references)) == 3
    assert {len(each) for each in references} == {35}
    assert identifiers.message_id(long[1:], "c") == identifiers.message_id(long[:0:-1], "c")
    again = identifiers.message_id([CREDIT.remittance], "c", 2)
    assert again.endswith("-a2")
    assert again[:-3] == identifiers.message_id([CREDIT.remittance], "c")
    assert again != identifiers.message_id([CREDIT.remittance], "d", 2)
