"""Checks of the machine that a node runs on: ports, addresses, names, limits, a database, audio engines."""

import contextlib
import ipaddress
import os
import resource
import socket
from pathlib import Path
from typing import Final

import soundfile
import soxr
from dns import asyncresolver, exception
from dns import resolver as answers
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from callapi.base.settings import Settings
from callapi.cli.doctor.verdicts import Verdict, bad, doubtful, good
from callapi.cli.ports import problem_with, split_address
from callapi.media.plane.engine import NativePlane

PORTS_TO_TRY: Final = 64
DESCRIPTORS_PER_CALL: Final = 6
"""Two legs with RTP and RTCP each, and some for HTTP."""
DNS_WAIT_S: Final = 3.0
GOOD_RECEIVE_BUFFER: Final = 1 << 20


def _listener(subject: str, listen: str) -> Verdict:
    problem = problem_with(*split_address(listen))
    if problem is None:
        return good(subject, f"{listen} is free")
    return bad(subject, f"{listen}: {problem} (does a node run already?)")


def sip_listeners(settings: Settings) -> list[Verdict]:
    """Each address of `sip.listen` can be had."""
    return [_listener("SIP", each) for each in settings.sip.listen]


def http_listener(settings: Settings) -> list[Verdict]:
    """`http.listen` can be had."""
    return [_listener("HTTP", settings.http.listen)]


def rtp_ports(settings: Settings) -> list[Verdict]:
    """The ports of `media.rtp_ports` are mostly free, and enough for `limits.max_calls`."""
    first, _, last = settings.media.rtp_ports.partition("-")
    ports = range(int(first), int(last) + 1)
    step = max(2, len(ports) // PORTS_TO_TRY)
    tried = [problem_with("udp", settings.media.address, port) for port in ports[::step]]
    busy = sum(problem is not None for problem in tried)
    legs = len(ports) // 2
    found = f"{settings.media.rtp_ports}: room for {legs} legs; {busy} of {len(tried)} ports tried are in use"
    if busy > len(tried) // 2:
        return [bad("RTP", f"{found}: {next(filter(None, tried))}")]
    if legs < 2 * settings.limits.max_calls:
        return [
            doubtful(
                "RTP", f"{found}; {settings.limits.max_calls} calls (limits.max_calls) may need two each"
            )
        ]
    return [good("RTP", found)]


def advertised_addresses(settings: Settings) -> list[Verdict]:
    """Other machines can reach what SIP and SDP will say."""
    sip_host = settings.sip.advertised_address or split_address(settings.sip.listen[0])[1]
    media_host = settings.media.advertised_address or settings.media.address
    return [
        _advertised("sip.advertised_address", sip_host),
        _advertised("media.advertised_address", media_host),
    ]


def _advertised(key: str, host: str) -> Verdict:
    try:
        address = ipaddress.ip_address(socket.gethostbyname(host) if not _is_literal(host) else host)
    except OSError as error:
        return bad(key, f"{host} does not resolve: {error}")
    if address.is_unspecified:
        return bad(key, f"{host} is not an address that a phone can send to; name one")
    if address.is_loopback:
        return doubtful(key, f"{host}: phones on this machine alone can reach it")
    if address.is_private:
        return doubtful(key, f"{host} is private: phones beyond this network need a public one")
    return good(key, host)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def limits_of_the_system(settings: Settings) -> list[Verdict]:
    """File descriptors for `limits.max_calls`, and receive buffers that survive a burst."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # `serve` takes what it may
    wanted = settings.limits.max_calls * DESCRIPTORS_PER_CALL
    descriptors = (
        good("file descriptors", f"{hard} are allowed")
        if hard >= wanted or hard == resource.RLIM_INFINITY
        else doubtful("file descriptors", f"{hard} are allowed; {wanted} are wanted (ulimit -Hn)")
    )
    path = Path("/proc/sys/net/core/rmem_max")
    if not path.exists():
        return [descriptors]
    maximum = int(path.read_text(encoding="ascii"))
    if maximum >= GOOD_RECEIVE_BUFFER:
        return [descriptors, good("receive buffers", f"up to {maximum // 1024} KiB")]
    advice = (
        f"at most {maximum // 1024} KiB; sysctl -w net.core.rmem_max={GOOD_RECEIVE_BUFFER} helps under load"
    )
    return [descriptors, doubtful("receive buffers", advice)]


def data_directory(settings: Settings) -> list[Verdict]:
    """`node.data_dir` (or the nearest folder above that exists) can be written."""
    wanted = settings.node.data_dir.absolute()
    folder = next(each for each in (wanted, *wanted.parents) if each.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        return [bad("data directory", f"{wanted}: {folder} is not writable")]
    free = os.statvfs(folder)
    gigabytes = free.f_bavail * free.f_frsize / 1e9
    found = f"{wanted} can be written, {gigabytes:.1f} GB free"
    return [good("data directory", found) if gigabytes > 1 else doubtful("data directory", found)]


async def dns(settings: Settings) -> list[Verdict]:
    """The name servers answer."""
    del settings
    try:
        resolver = asyncresolver.Resolver()
        with contextlib.suppress(answers.NXDOMAIN, answers.NoAnswer):  # a negative answer is an answer too
            await resolver.resolve(".", "NS", lifetime=DNS_WAIT_S)
    except exception.DNSException as error:
        advice = (
            f"no name server answers ({type(error).__name__}); only IP addresses and /etc/hosts will work"
        )
        return [doubtful("DNS", advice)]
    return [good("DNS", f"{', '.join(map(str, resolver.nameservers))} answers")]


def database(settings: Settings) -> list[Verdict]:
    """A connection can be made; an SQLite file that is not there yet will be."""
    url = make_url(settings.database_url())
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return [good("database", f"{url.database} will be made at the first start")]
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        engine.dispose()
    except SQLAlchemyError as error:
        return [bad("database", f"{url.render_as_string()}: {error}".splitlines()[0])]
    return [good("database", f"{url.render_as_string()} answers")]


async def audio_engines(settings: Settings) -> list[Verdict]:
    """The media plane starts; prompts can be decoded and resampled."""
    media = settings.media
    async with NativePlane(media.address, rtp_ports=media.rtp_ports, realtime=media.realtime) as plane:
        statistics, is_realtime = plane.statistics(), plane.is_realtime
    formats = soundfile.available_formats()
    missing = [each for each in ("WAV", "MP3", "OGG") if each not in formats]
    prompts = f"libsndfile {soundfile.__libsndfile_version__}, soxr {soxr.__libsoxr_version__}"
    threads = f"{statistics.threads} thread(s), codecs {', '.join(media.codecs)}"
    ordinary = "at ordinary priority: sound may stutter while the machine is busy (CAP_SYS_NICE or `ulimit -r 1` helps)"
    return [
        good("media plane", f"{threads}, at real-time priority")
        if is_realtime
        else doubtful("media plane", f"{threads}, {ordinary}"),
        bad("prompts", f"{prompts}: no {', '.join(missing)}") if missing else good("prompts", prompts),
    ]
