"""A port for RTP and the one above it for RTCP, as RFC 3550 §11 pairs them."""

import asyncio


async def open_pair(
    rtp: asyncio.DatagramProtocol, rtcp: asyncio.DatagramProtocol
) -> tuple[int, asyncio.DatagramTransport, asyncio.DatagramTransport]:
    """Bind a free pair on 127.0.0.1; the port of RTP, and both transports, which the caller closes."""
    loop = asyncio.get_running_loop()
    for _ in range(100):
        lower, _ = await loop.create_datagram_endpoint(lambda: rtp, local_addr=("127.0.0.1", 0))
        port = int(lower.get_extra_info("sockname")[1])
        try:
            upper, _ = await loop.create_datagram_endpoint(lambda: rtcp, local_addr=("127.0.0.1", port + 1))
        except OSError:
            lower.close()
        else:
            return port, lower, upper
    raise AssertionError("no free pair of loopback ports")
