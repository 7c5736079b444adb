"""URLs that name several servers."""

import pytest
from sqlalchemy import make_url

from callapi.base.database_url import with_servers_as_parameters


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///data/callapi.db",
        "sqlite:///a,b/callapi.db",
        "postgresql://callapi:secret@10.0.0.20/callapi",
        "postgresql://callapi@10.0.0.20:5433/callapi?options=a,b",
    ],
)
def test_one_server_stays_as_it_is(url: str) -> None:
    assert with_servers_as_parameters(url) == url


def test_several_servers_become_parameters_and_the_one_that_writes_is_looked_for() -> None:
    url = make_url(
        with_servers_as_parameters("postgresql://u:p%40w@a.example,10.0.0.21:5433,[2001:db8::1]:/calls")
    )
    assert (url.username, url.password, url.host, url.database) == ("u", "p@w", None, "calls")
    assert url.query == {
        "host": "a.example,10.0.0.21,2001:db8::1",
        "port": "5432,5433,5432",
        "target_session_attrs": "read-write",
    }


def test_what_the_url_says_itself_holds() -> None:
    url = make_url(
        with_servers_as_parameters(
            "postgresql+psycopg://a:1,b:2/calls?target_session_attrs=any&sslmode=require"
        )
    )
    assert url.drivername == "postgresql+psycopg"
    assert url.query["target_session_attrs"] == "any"
    assert url.query["sslmode"] == "require"
