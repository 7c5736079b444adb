"""Configuration: defaults, file, environment over it, and errors that say name, place and what is allowed."""

from pathlib import Path

import pytest

from callapi.base.errors import SettingsError
from callapi.base.settings import Settings, load_settings


def load(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "callapi.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ)


def test_the_defaults_are_a_working_node() -> None:
    settings = load_settings(None, {})
    assert settings.sip.listen == ("udp://127.0.0.1:5060", "tcp://127.0.0.1:5060")
    assert settings.database_url() == "sqlite:///data/callapi.db"


def test_the_environment_overrides_the_file_and_lists_are_json(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        '[sip]\nlisten = ["udp://127.0.0.1:5060"]\n[limits]\nmax_calls = 7\n',
        CALLAPI_SIP__LISTEN='["tcp://127.0.0.1:5070"]',
        CALLAPI_NODE__DRAIN_TIMEOUT_S="5",
        CALLAPI_WEBHOOKS__ALLOW_PRIVATE_NETWORKS="false",
        CALLAPI_NUMBERS='[{"number": "1000", "voice_url": "http://a.example/v"}]',
        CALLAPI_ACCOUNT_SID="AC00000000000000000000000000000000",
        PATH="/bin",
    )
    assert settings.sip.listen == ("tcp://127.0.0.1:5070",)
    assert settings.limits.max_calls == 7
    assert settings.node.drain_timeout_s == 5
    assert settings.webhooks.allow_private_networks is False
    assert settings.numbers[0].number == "1000"


@pytest.mark.parametrize(
    ("text", "environ", "sentence"),
    [
        ("[sip]\n\nlisen = 1\n", {}, r"callapi.toml:3: unknown key sip.lisen; allowed here: .*listen"),
        ("[spi]\na = 1\n", {}, r"callapi.toml:1: unknown key spi; allowed here: .*sip"),
        ('[media]\nrtp_ports = "9-1"\n', {}, r":2: media.rtp_ports: must be a range such as 20000-29999"),
        ('[sip]\nlisten = ["sctp://h:1"]\n', {}, r":2: sip.listen.0: must look like udp://"),
        ("", {"CALLAPI_LIMITS__MAX_CALLS": "0"}, r"CALLAPI_LIMITS__MAX_CALLS: limits.max_calls: .*greater"),
        ("", {"CALLAPI_SIP__LISTEN": "udp://h:1"}, r"LISTEN: sip.listen: must be a list .*as JSON: \["),
        ("", {"CALLAPI_SIP": "x"}, r"CALLAPI_SIP: sip: must be a table"),
        ("", {"CALLAPI_SPI__X": "0"}, r"CALLAPI_SPI__X: unknown key spi"),
        ('[[numbers]]\nnumber = "1"\nvoice_uri = "x"\n', {}, r":3: unknown key numbers.0.voice_uri"),
        (
            '[sip]\nlisten = ["tls://127.0.0.1:5061"]\n',
            {},
            r"sip: a tls:// or wss:// listener needs sip.tls_certificate",
        ),
        ('[speech]\nengine = "loud"\n', {}, r":2: speech.engine: must be one of piper, espeak-ng, none"),
        (
            '[speech.voices]\nanna = "/no/anna.onnx"\n',
            {},
            r"speech.voices.anna: must be the .onnx file of a piper",
        ),
        ('[speech]\nrecogniser_model = "/no"\n', {}, r":2: speech.recogniser_model: must be the directory"),
        ('[speech]\nlanguage = "klingon!"\n', {}, r":2: speech.language: "),
        ("[sip\n", {}, r"is not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, text: str, environ: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load(tmp_path, text, **environ)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SettingsError, match=r"cannot read nowhere\.toml"):
        load_settings(Path("nowhere.toml"), {})


def test_a_detector_that_is_not_installed_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {"CALLAPI_SPEECH__DETECTOR": "silero"}
    monkeypatch.setattr("callapi.base.settings.find_spec", lambda _: True)
    assert load_settings(None, environ).speech.detector == "silero"
    monkeypatch.setattr("callapi.base.settings.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'callapi\[silero\]'"):
        load_settings(None, environ)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"CALLAPI_HTTP__LISTEN": "127.0.0.1:9090"}, "http://127.0.0.1:9090"),
        ({"CALLAPI_HTTP__LISTEN": "0.0.0.0:80"}, "http://127.0.0.1:80"),
        ({"CALLAPI_HTTP__LISTEN": "[::]:8080"}, "http://[::1]:8080"),
        (
            {
                "CALLAPI_HTTP__LISTEN": "voice.example:443",
                "CALLAPI_HTTP__TLS_CERTIFICATE": "cert.pem",
                "CALLAPI_HTTP__TLS_PRIVATE_KEY": "key.pem",
            },
            "https://voice.example:443",
        ),
        (
            {"CALLAPI_HTTP__LISTEN": "127.0.0.1:9090", "CALLAPI_HTTP__PUBLIC_URL": "https://voice.example"},
            "https://voice.example",
        ),
    ],
)
def test_the_public_url_is_where_http_listens_unless_it_is_written(
    environment: dict[str, str], url: str
) -> None:
    assert load_settings(None, environment).http.public_url == url


def test_an_address_that_is_refused_is_the_one_problem_that_is_named() -> None:
    with pytest.raises(SettingsError, match=r"http\.listen") as refusal:
        load_settings(None, {"CALLAPI_HTTP__LISTEN": "nonsense"})
    assert "public_url" not in str(refusal.value)
