"""Transcriptions of live calls: what is said, as text, to a callback while the call goes on."""
