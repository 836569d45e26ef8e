"""Settings: a mistake is told with file or variable, key and mend; the environment overrides the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from store.settings_file import SettingsError, load


def written(folder: Path, text: str) -> Path:
    file = folder / "mailloft.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[outbound]\nprot = 25\n", "prot"),
        ("[outbond]\nport = 25\n", "outbond"),
        ('[outbound]\nport = "twenty"\n', "port"),
        ("[outbound]\nport = = 25\n", "is not TOML"),
        ('[[outbound.sources]]\naddress = "127.0.0.2"\n', "ehlo"),
        ('[imap]\naddress = "0.0.0.0"\nplaintext_login = true\n', "plaintext_login"),
        ('[[submission.trusted]]\nnetwork = "10.0.0.0/8"\nconnection = "x"\n', "10.0.0.0/8"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load(written(tmp_path, text), {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read"):
        load(tmp_path / "nowhere.toml", {})


def test_the_environment_overrides_the_file_as_toml_or_as_a_bare_word(tmp_path: Path) -> None:
    file = written(tmp_path, '[server]\nhostname = "a.test"\n[outbound]\nport = 25\n')
    settings = load(
        file,
        {
            "MAILLOFT_SERVER__HOSTNAME": "b.test",
            "MAILLOFT_OUTBOUND__PORT": "2525",
            "MAILLOFT_DNS__SERVERS": '["127.0.0.1:5353"]',
            "MAILLOFT_OUTBOUND__RETRY__CAMPAIGN": "{first = 1.5, longest = 3, lifetime = 9}",
            "MAILLOFT_REQUIRE_PEERS": "1",
        },
    )
    assert settings.server.hostname == "b.test"
    assert settings.outbound.port == 2525
    assert settings.dns.servers == ("127.0.0.1:5353",)
    assert settings.outbound.retry.campaign.first == timedelta(seconds=1.5)


def test_an_unknown_key_of_the_environment_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="hostnam"):
        load(None, {"MAILLOFT_SERVER__HOSTNAM": "b.test"})
