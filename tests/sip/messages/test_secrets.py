"""What a trace shows of credentials and keys."""

from callapi.sip.messages.secrets import withheld

MESSAGE = (
    b"INVITE sip:a@b SIP/2.0\r\n"
    b'Authorization: Digest username="alice", response="0123"\r\n'
    b"proxy-authorization:Digest nonce=1\r\n\r\n"
    b"m=audio 4000 RTP/SAVP 0\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20\r\n"
    b"a=CRYPTO:2 AEAD_AES_128_GCM INLINE:AAAA==\r\n"
)


def test_secrets_are_covered_and_the_length_stays() -> None:
    shown = withheld(MESSAGE)
    assert len(shown) == len(MESSAGE)
    for secret in (b"alice", b"0123", b"nonce", b"WVNf", b"bGVz", b"AAAA"):
        assert secret not in shown
    assert b"(withheld)" in shown
    assert b"inline:" + b"*" * 40 + b"|2^20" in shown
    assert shown.startswith(b"INVITE sip:a@b SIP/2.0\r\nAuthorization:")


def test_what_holds_no_secret_is_untouched() -> None:
    assert withheld(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n") == b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"
