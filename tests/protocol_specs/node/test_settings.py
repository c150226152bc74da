"""Settings files: what is refused, and whether the words help."""

from pathlib import Path

import pytest

from protocol_specs.node.settings import (
    NodeSettings,
    SettingsError,
    load,
    private_file,
    read_secret,
    write_secret,
)

GOOD = """
role = "bpp"
subscriber_id = "bpp.example.org"
unique_key_id = "k1"
url = "https://bpp.example.org"
port = 9001
data_dir = "data"
signing_key = "keys/signing.key"
encryption_key = "/etc/wayfare/encryption.key"
domains = ["nic2004:60221"]
[limits]
body_deadline_s = 5
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file_and_the_rest_has_defaults(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD), NodeSettings)
    assert settings.data_dir == tmp_path / "data"
    assert settings.signing_key == tmp_path / "keys/signing.key"
    assert settings.encryption_key == Path("/etc/wayfare/encryption.key")
    assert settings.network == "production"
    assert settings.limits.body_deadline_s == 5
    assert settings.limits.body_bytes_max_of("on_search") == 2_097_152


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("port = 9001", "prot = 9001"), ["'prot'", "did you mean 'port'"]),
        (("body_deadline_s", "body_deadlines"), ["'limits.body_deadlines'", "'body_deadline_s'"]),
        (('subscriber_id = "bpp.example.org"\n', ""), ["'subscriber_id' is missing"]),
        (("port = 9001", "port = 99999"), ["'port'", "65535"]),
        (("port = 9001", 'network = "prod"\nport = 1'), ["'network'", "'production'"]),
        (("[limits]", "[limits"), ["not a TOML file"]),
        (('domains = ["nic2004:60221"]', "domains = 5"), ["'domains': must be a list, such as"]),
        (('"k1"', "1"), ["'unique_key_id': must be text in quotes"]),
        (("[limits]", '[dialects]\nx = ["y"]\n[limits]'), ["'dialects': x: no dialect 'y'; there"]),
    ],
)
def test_a_fault_names_file_key_and_remedy(
    tmp_path: Path, change: tuple[str, str], words: list[str]
) -> None:
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(SettingsError) as caught:
        load(path, NodeSettings)
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_keys_that_a_table_swallowed_are_told_with_the_table_and_nothing_else(
    tmp_path: Path,
) -> None:
    text = GOOD.replace("port = 9001", '[dialects]\n"nic2004:60221" = ["core-1.1"]\nport = 9001')
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text), NodeSettings)
    (line,) = str(caught.value).splitlines()
    assert "'port', 'data_dir', 'signing_key', 'encryption_key', 'domains' stand in [dial" in line
    assert "Move [dialects] below" in line


def test_a_registry_without_its_keys_is_told_with_who_knows_them(tmp_path: Path) -> None:
    pins = '[registry]\nurl = "https://r.example"\nsubscriber_id = "r.example"\n'
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, f'{GOOD}{pins}unique_key_id = "k1"\n'), NodeSettings)
    for line, name in zip(str(caught.value).splitlines(), ("signing", "encryption"), strict=True):
        assert f"'registry.{name}_public_key' is missing; the registry's operator tells it" in line


def test_a_database_without_its_driver_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = '[store]\nurl = "postgresql://node@db.example/node"\n'
    settings = load(write(tmp_path, GOOD + url), NodeSettings)
    assert settings.store_at.url is not None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"'store.url': .* -r requirements-postgres\.lock"):
        _ = settings.store_at
    assert (Path(__file__).parents[3] / "requirements-postgres.lock").exists()


def test_settings_of_another_role_are_refused_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="key 'role' says 'bpp', not 'registry'"):
        load(write(tmp_path, GOOD + "strange = 1"), NodeSettings, role="registry")


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder; name the file in it"):
        read_secret(tmp_path, key="signing_key")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "node.toml", NodeSettings)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_read_is_refused_with_the_command_to_type(
    tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "signing.key"
    write_secret(path, "c2VjcmV0")
    path.chmod(mode)
    with pytest.raises(SettingsError) as caught:
        read_secret(path, key="signing_key")
    assert f"chmod 600 {path}" in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_only_its_owner_reads_is_taken(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "signing.key"
    write_secret(path, "c2VjcmV0")
    path.chmod(mode)
    assert read_secret(path, key="signing_key") == "c2VjcmV0"


def test_a_missing_key_names_keygen(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="wayfare keygen --out"):
        read_secret(tmp_path / "signing.key", key="signing_key")


def test_a_missing_token_names_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"does not exist\. The node makes it") as caught:
        read_secret(tmp_path / "desk.token", key="data_dir", made_by="The node makes it.")
    assert "keygen" not in str(caught.value)


def test_a_secret_is_never_written_over(tmp_path: Path) -> None:
    write_secret(tmp_path / "a", "one")
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "a", "two")


def test_a_private_file_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "desk.token"
    token = private_file(path)
    assert len(token) >= 40
    assert private_file(path) == token
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        private_file(path)
