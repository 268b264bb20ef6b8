"""HTTPS with real certificates: the coordinator's three settings, and our client's options."""

import socket
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

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
    """One round of eight participants; what they say."""
    command = ("test-drive", "-u", url, "-n", "8", "--rounds", "1", *options)
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
    assert "TLS files cannot be used" in done.stderr


def test_a_handshake_that_does_not_come_is_given_up(files):
    variables = settings(files) | {"PETAL__LIMITS__HEADER_TIMEOUT": "0.5"}
    with serving(**variables) as (url, _, log):
        with socket.create_connection(("127.0.0.1", urlsplit(url).port), SECONDS) as silent:
            assert silent.recv(1) == b""
        trusting = ssl.create_default_context(cafile=files[0])
        assert httpx.get(f"{url}/healthz", verify=trusting).status_code == 200
    assert "Traceback" not in "".join(log)
