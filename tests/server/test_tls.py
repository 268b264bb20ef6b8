"""HTTPS with real certificates: the coordinator's three settings, and our client's options."""

import re
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from petal_server.limits.gate import LINGERING

from .certificates import issue, write_pem
from .test_serve import SECONDS, finished, petal, serving

ROUND = {
    "PETAL__PET__SUM__TIME__MIN": "1",
    "PETAL__PET__UPDATE__TIME__MIN": "1",
    "PETAL__PET__SUM2__TIME__MIN": "1",
}


@pytest.fixture
def authority():
    return issue("authority")


@pytest.fixture
def files(tmp_path, authority):
    """PEM files: the authority's, and certificate and key of the server and of a client."""
    anchor, _ = write_pem(tmp_path, "authority", *authority)
    server = write_pem(tmp_path, "server", *issue("server", authority))
    client = write_pem(tmp_path, "client", *issue("client", authority))
    return anchor, server, client


def settings(files, *, client_auth=False):
    anchor, (certificate, key), _ = files
    variables = {"PETAL__API__TLS_CERTIFICATE": certificate, "PETAL__API__TLS_KEY": key}
    return variables | ({"PETAL__API__TLS_CLIENT_AUTH": anchor} if client_auth else {})


def drive_a_round(url, *options):
    """One round of so many participants that none lacks sums or updates; what they say."""
    command = ("test-drive", "-u", url, "-n", "24", "--rounds", "1", *options)
    return finished(*command)


def gives_up_waiting(url, *options):
    """What a participant that cannot connect says before it is stopped."""
    command = ("test-drive", "-u", url, "-n", "1", "--rounds", "1", *options)
    with subprocess.Popen(
        **petal(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        process.stdout.readline()
        said = process.stdout.readline()
        process.terminate()
    return said


def test_strangers_without_a_certificate_are_not_let_in(files):
    anchor, _, client = files
    trusting = ssl.create_default_context(cafile=anchor)
    with serving(**settings(files, client_auth=True)) as (url, _, _):
        assert url.startswith("https://")
        with httpx.Client(verify=trusting) as stranger, pytest.raises(httpx.TransportError):
            stranger.get(f"{url}/params")
        trusting.load_cert_chain(*client)
        with httpx.Client(verify=trusting) as known:
            assert known.get(f"{url}/params").status_code == 200


def test_a_certificate_of_another_authority_is_not_let_in(files, tmp_path):
    anchor, _, _ = files
    forged = write_pem(tmp_path, "forged", *issue("client", issue("authority")))
    context = ssl.create_default_context(cafile=anchor)
    context.load_cert_chain(*forged)
    with (
        serving(**settings(files, client_auth=True)) as (url, _, _),
        httpx.Client(verify=context) as stranger,
        pytest.raises(httpx.TransportError),
    ):
        stranger.get(f"{url}/params")


def test_a_round_of_participants_that_show_certificates(files):
    anchor, _, (cert, key) = files
    with serving(**settings(files, client_auth=True), **ROUND) as (url, _, _):
        done = drive_a_round(url, "--ca", anchor, "--cert", cert, "--key", key)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "done: 1 rounds" in done.stdout


def test_xaynets_names_of_the_options(files, tmp_path):
    anchor, _, (cert, key) = files
    both = tmp_path / "identity.pem"
    both.write_text("".join(Path(part).read_text() for part in (cert, key)))
    with serving(**settings(files, client_auth=True), **ROUND) as (url, _, _):
        done = drive_a_round(url, "--certificate", anchor, "--identity", str(both))
        assert "done: 1 rounds" in done.stdout


def test_an_authority_that_is_not_trusted_says_what_to_do(files):
    with serving(**settings(files)) as (url, _, _):
        said = gives_up_waiting(url)
    assert "TLS certificate is not trusted" in said
    assert "--ca FILE" in said


def test_an_address_that_lacks_the_s_says_what_to_do(files):
    with serving(**settings(files)) as (url, _, _):
        said = gives_up_waiting(url.replace("https:", "http:"))
    assert "its address then begins with https://" in said


def test_a_certificate_that_is_missing_says_what_to_do(files):
    with serving(**settings(files, client_auth=True)) as (url, _, _):
        said = gives_up_waiting(url, "--ca", files[0])
    assert "It may ask for a client certificate" in said
    assert "--cert FILE" in said


def test_tls_spoken_to_a_server_without_it_says_what_to_do():
    with serving() as (url, _, _):
        said = gives_up_waiting(url.replace("http:", "https:"))
    assert "its address may begin with http://" in said


def test_files_that_hold_no_certificates(files, tmp_path):
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for options, wanted in (
        (("--ca", str(nonsense)), "holds no certificate"),
        (("--cert", str(nonsense)), "not hold a client certificate and its private key"),
        (("--key", files[2][1]), "needs its certificate"),
    ):
        done = finished("test-drive", *options)
        assert done.returncode == 1
        assert wanted in done.stderr
        assert "Traceback" not in done.stderr


def test_a_key_of_another_certificate(files):
    _, (certificate, _), (_, other_key) = files
    variables = {"PETAL__API__TLS_CERTIFICATE": certificate, "PETAL__API__TLS_KEY": other_key}
    done = finished("serve", **variables)
    assert done.returncode == 2
    assert "api.tls_certificate: it and api.tls_key hold no" in done.stderr
    assert "key values mismatch" in done.stderr


def test_what_a_check_finds_in_other_files(files, tmp_path):
    _, (certificate, key), _ = files
    sealed = tmp_path / "sealed.pem"
    sealed.write_bytes(
        load_pem_private_key(Path(key).read_bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
    )
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for changed, wanted in (
        ({"PETAL__API__TLS_KEY": str(sealed)}, "api.tls_key hold no .* without a password"),
        (
            {"PETAL__API__TLS_CLIENT_AUTH": str(nonsense)},
            "tls_client_auth: it holds no certificate",
        ),
    ):
        variables = {"PETAL__API__TLS_CERTIFICATE": certificate, "PETAL__API__TLS_KEY": key}
        done = finished("serve", "--check", **(variables | changed))
        assert done.returncode == 2
        assert re.search(wanted, done.stderr)


def test_a_handshake_that_does_not_come_is_given_up(files):
    variables = settings(files) | {"PETAL__LIMITS__HEADER_TIMEOUT": "0.5"}
    with serving(**variables) as (url, _, log):
        with socket.create_connection(("127.0.0.1", urlsplit(url).port), SECONDS) as silent:
            assert silent.recv(1) == b""
        trusting = ssl.create_default_context(cafile=files[0])
        assert httpx.get(f"{url}/healthz", verify=trusting).status_code == 200
    assert "Traceback" not in "".join(log)


def silent(url, count, source="127.0.0.1"):
    """Connections whose clients never say a word."""
    port = urlsplit(url).port
    return [
        socket.create_connection(("127.0.0.1", port), SECONDS, (source, 0)) for _ in range(count)
    ]


def test_who_never_shakes_hands_is_one_of_the_connections(files):
    """One address may have two: the third is cut off at once, and others still get in."""
    limits = {"PETAL__LIMITS__CONNECTIONS_PER_ADDRESS": "2", "PETAL__LIMITS__HEADER_TIMEOUT": "60"}
    trusting = ssl.create_default_context(cafile=files[0])
    with serving(**settings(files), **limits) as (url, _, _), ExitStack() as stack:
        for each in silent(url, 2):
            stack.enter_context(each)
        with httpx.Client(verify=trusting) as third:
            assert third.get(f"{url}/healthz").status_code == 503
        elsewhere = httpx.HTTPTransport(verify=trusting, local_address="127.0.0.2")
        with httpx.Client(transport=elsewhere) as other:
            assert other.get(f"{url}/healthz").status_code == 200
            shown = other.get(f"{url}/metrics").text
        assert "petal_connections 3.0" in shown
        assert 'petal_refusals_total{reason="connections_per_address"} 1.0' in shown


def test_beyond_the_few_that_may_ask_they_are_cut_off_at_once(files):
    limits = {"PETAL__LIMITS__CONNECTIONS_PER_ADDRESS": "1", "PETAL__LIMITS__HEADER_TIMEOUT": "60"}
    trusting = ssl.create_default_context(cafile=files[0])
    with serving(**settings(files), **limits) as (url, _, log), ExitStack() as stack:
        opened = [stack.enter_context(each) for each in silent(url, 100)]
        elsewhere = httpx.HTTPTransport(verify=trusting, local_address="127.0.0.2")
        with httpx.Client(transport=elsewhere) as other:
            deadline = time.monotonic() + SECONDS
            while open_connections(other, url) > 2 + LINGERING:
                assert time.monotonic() < deadline
            for each in opened:
                each.close()
            while open_connections(other, url) > 1:
                assert time.monotonic() < deadline
    assert "Traceback" not in "".join(log)


def open_connections(client, url):
    shown = client.get(f"{url}/metrics").text
    return int(float(re.search(r"^petal_connections (\S+)$", shown, re.MULTILINE)[1]))


def test_handshakes_that_fail_are_forgotten(files):
    trusting = ssl.create_default_context(cafile=files[0])
    with serving(**settings(files)) as (url, _, log), httpx.Client(verify=trusting) as client:
        port = urlsplit(url).port
        for nonsense in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection(("127.0.0.1", port), SECONDS) as stranger:
                stranger.sendall(nonsense)
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)  # trusts nobody who signed this
        deadline = time.monotonic() + SECONDS
        while open_connections(client, url) > 1:
            assert time.monotonic() < deadline
    assert "Traceback" not in "".join(log)


def test_the_server_stops_at_once_though_a_handshake_is_under_way(files):
    variables = {"PETAL__LIMITS__HEADER_TIMEOUT": "60", "PETAL__API__STOP_TIMEOUT": "60"}
    with serving(**settings(files), **variables) as (url, process, _):
        (quiet,) = silent(url, 1)
        trusting = ssl.create_default_context(cafile=files[0])
        assert httpx.get(f"{url}/healthz", verify=trusting).status_code == 200
        process.terminate()
        assert process.wait(SECONDS) == 0
        quiet.close()
