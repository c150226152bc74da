"""What a consumer node is told of its markets holds together, or it does not start."""

import re
from pathlib import Path

import pytest

from bap.settings import BapSettings
from protocol_specs.node.settings import SettingsError, load, write_secret

API = Path(__file__).parents[2] / "docs" / "api.md"
NODE = """
subscriber_id = "bap.example.org"
unique_key_id = "k1"
url = "https://bap.example.org"
port = 8080
data_dir = "data"
signing_key = "signing.key"
encryption_key = "encryption.key"
"""


def _documented() -> str:
    found = re.search(r"```toml\n(.*?)```", API.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def _load(folder: Path, text: str) -> BapSettings:
    path = folder / "node.toml"
    path.write_text(NODE + text, encoding="utf-8")
    return load(path, BapSettings)


def test_the_documented_settings_are_settings(tmp_path: Path) -> None:
    settings = _load(tmp_path, _documented())
    terms, billing = settings.terms.terms(), settings.billing
    assert terms is not None
    assert terms.settlement_window == "PT60M"
    assert billing is not None
    assert billing.contact().address is not None


@pytest.mark.parametrize(
    ("ours", "changed", "says"),
    [
        ('["log10-1.2.5"]', '["core-1.1"]', "add it to"),
        ('"ONDC:TRV10" = ["trv10-2.1.0"]', "", "say what is spoken in ONDC:TRV10"),
        ('dialect = "log10-1.2.5"', 'dialect = "log10-9"', "no dialect"),
        ("[billing]", "[other]", "other"),
        ('bills = "platform"', 'bills = "nobody"', "bills"),
        ('ready_to_ship = "when_said"', 'ready_to_ship = "never"', "ready_to_ship"),
        ('finder_fee_percentage = "1"', "finder_fee_percentage = 1", "finder_fee_percentage"),
        ('settlement_window = "PT60M"', 'settlement_window = "an hour"', "settlement_window"),
    ],
)
def test_a_market_that_does_not_hold_together_stops_the_node(
    tmp_path: Path, ours: str, changed: str, says: str
) -> None:
    text = _documented()
    assert ours in text
    with pytest.raises(SettingsError, match=says):
        _load(tmp_path, text.replace(ours, changed))


def test_a_webhook_without_its_token_is_said_by_the_check(tmp_path: Path) -> None:
    codes = 'by = "webhook"\nurl = "https://sms.example/send"\ntoken = "sms.token"\n'
    settings = _load(tmp_path, f"{_documented()}\n[web.codes]\n{codes}")
    with pytest.raises(SettingsError, match=r"sms\.token .* does not exist"):
        settings.check()
    write_secret(tmp_path / "sms.token", "secret")
    settings.check()


def test_who_is_billed_must_be_known(tmp_path: Path) -> None:
    text = re.sub(r"\[billing\].*?\n\n", "", _documented(), flags=re.DOTALL)
    with pytest.raises(SettingsError, match="bills the platform"):
        _load(tmp_path, text)
