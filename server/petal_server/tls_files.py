"""Whether the TLS files that the settings name hold what they should."""

import ssl

from petal_server.settings import ApiSettings


def tls_trouble(api: ApiSettings) -> str | None:
    """What is wrong with the files; None if nothing is, or HTTPS is off."""
    if api.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wrong = "api.tls_certificate: it and api.tls_key hold no certificate chain and its private key"
    try:
        # With an empty password OpenSSL does not ask for one: nobody is there to answer.
        context.load_cert_chain(api.tls_certificate, api.tls_key, password="")
        wrong = "api.tls_client_auth: it holds no certificate"
        if api.tls_client_auth:
            context.load_verify_locations(api.tls_client_auth)
    except OSError as error:  # ssl.SSLError is one
        return f"{wrong}, in PEM form and without a password ({error})"
    return None
