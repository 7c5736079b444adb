"""Where a request goes: RFC 3263 resolution, DNS, next hops, and NAT."""
