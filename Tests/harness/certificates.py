"""Certificates of the tests: authorities that sign them, and files where servers and nodes look for them."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificate:
    """A certificate with what leads to its authority, and its key."""

    certificate: Path
    key: Path


class Authority:
    """An authority that nobody trusts by itself. `file` holds what those who shall trust it need."""

    def __init__(self, directory: Path, name: str = "authority"):
        self._directory = directory
        self._authority = trustme.CA()
        self.file = directory / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str, file: str = "server", expired: bool = False) -> Certificate:
        """A certificate for names and addresses."""
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=-1 if expired else 5)
        begin = end - datetime.timedelta(days=30)
        issued = self._authority.issue_cert(*names, not_before=begin, not_after=end)
        made = Certificate(self._directory / f"{file}.pem", self._directory / f"{file}.key")
        text = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        made.certificate.write_bytes(text)
        issued.private_key_pem.write_to_path(str(made.key))
        return made
