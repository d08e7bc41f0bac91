"""What an operator writes down about access servers, and what a login says of who it is."""

import pytest

from openboss.access.network.radius.clients import ClientsWrong, read_clients
from openboss.access.network.radius.sessions import number_of


def test_the_file_of_access_servers_is_refused_when_it_is_wrong(tmp_path):
    path = tmp_path / "radius.toml"
    for text in ('[a]\naddress = "x"\nsecret = "12345678"', '[a]\naddress = "10.0.0.1"\nsecret = "short"',
                 '[a]\naddress = "10.0.0.1"\nsecret = "12345678"\nservice = "TV"', "[a"):  # fmt: skip
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(ClientsWrong):
            read_clients(path)
    path.write_text('[a]\naddress = "10.0.0.1"\nsecret = "12345678"')
    path.chmod(0o644)
    with pytest.raises(ClientsWrong, match="others may read"):
        read_clients(path)


def test_logins_are_numbers_with_or_without_a_realm():
    logins = ("13900011001@wlan", "+8613900011001", "057188880001", "0085212345678", "x@y")
    numbers = [8613900011001, 8613900011001, 8657188880001, 85212345678, 0]
    assert [number_of(login) for login in logins] == numbers
