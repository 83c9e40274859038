"""Files by FTP, FTPS and HTTP, with resumption (12/15 §8.4, §8.5)."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ftp_server import CERTIFICATE, FtpServer
from structlog.testing import capture_logs

from ocpp_soap.charge_point.transfer import TransferFailed, Transfers

CONTENT = bytes(range(256)) * 40


@pytest.fixture(params=["ftp", "ftps"])
def ftp(request, tmp_path):
    server = FtpServer(tmp_path / "server", tls=request.param == "ftps")
    server.root.mkdir()
    server.url = f"{request.param}://u:p@127.0.0.1:{server.port}"
    yield server
    server.close()


@pytest.fixture
def transfers():
    return Transfers(ca_file=str(CERTIFICATE))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "log.gz"
    path.write_bytes(CONTENT)
    return path


def test_a_file_is_stored_in_the_folder(ftp, transfers, file):
    transfers.upload(file, f"{ftp.url}/some/folder", "log.gz")
    assert (ftp.root / "some/folder/log.gz").read_bytes() == CONTENT


def test_an_interrupted_upload_goes_on_where_it_ended(ftp, transfers, file):
    ftp.cut_after = [1000]
    with pytest.raises(TransferFailed):
        transfers.upload(file, f"{ftp.url}/", "log.gz")
    transfers.upload(file, f"{ftp.url}/", "log.gz")
    assert (ftp.root / "log.gz").read_bytes() == CONTENT
    assert "APPE" in ftp.commands


def test_an_interrupted_download_goes_on_where_it_ended(ftp, transfers, tmp_path):
    (ftp.root / "firmware.bin").write_bytes(CONTENT)
    target = tmp_path / "target"
    ftp.cut_after = [1000, 5000]
    for _ in range(2):
        with pytest.raises(TransferFailed):
            transfers.download(f"{ftp.url}/firmware.bin", target)
    transfers.download(f"{ftp.url}/firmware.bin", target)
    assert target.read_bytes() == CONTENT
    assert ftp.commands.count("REST") == 2


def test_a_server_that_cannot_resume_is_asked_for_the_whole_file(ftp, transfers, tmp_path):
    (ftp.root / "firmware.bin").write_bytes(CONTENT)
    target = tmp_path / "target"
    target.write_bytes(CONTENT[:1000])
    ftp.says["350"] = b"502 REST is not implemented"
    transfers.download(f"{ftp.url}/firmware.bin", target)
    assert target.read_bytes() == CONTENT


def test_a_wrong_password_and_a_missing_file_fail(ftp, transfers, tmp_path):
    for url in (ftp.url.replace("u:p", "u:wrong") + "/firmware.bin", f"{ftp.url}/firmware.bin"):
        with pytest.raises(TransferFailed):
            transfers.download(url, tmp_path / "target")


def test_a_certificate_that_nobody_vouches_for_fails(tmp_path, file):
    server = FtpServer(tmp_path, tls=True)
    with pytest.raises(TransferFailed, match="certificate"):
        Transfers().upload(file, f"ftps://u:p@127.0.0.1:{server.port}/", "log.gz")
    server.close()


@pytest.mark.parametrize("url", ["gopher://127.0.0.1/x", "ftp:///x", "nonsense", "ftp://127.0.0.1:999999/x"])
def test_what_is_no_usable_url_fails(transfers, file, url):
    with pytest.raises(TransferFailed):
        transfers.upload(file, url, "log.gz")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a..b/x",
        f"ftp://{'a' * 64}/x",
        "http://a..b/x",
        "http://127.0.0.1:1/%zz",
    ],
)
def test_a_host_that_cannot_be_looked_up_fails(transfers, file, tmp_path, url):
    for transfer in (lambda: transfers.upload(file, url, "log.gz"), lambda: transfers.download(url, tmp_path / "new")):
        with pytest.raises(TransferFailed):
            transfer()


def test_a_password_with_a_line_break_fails(ftp, transfers, file):
    with pytest.raises(TransferFailed):
        transfers.upload(file, ftp.url.replace(":p@", ":p%0ADELE%20x@"), "log.gz")


def test_replies_need_not_be_utf_8(ftp, transfers, file, tmp_path):
    ftp.says["220"] = b"220 Bienvenue sur le serveur \xe9tudiant"
    ftp.says["234"] = b"234 \xe7a va"
    ftp.says["550"] = b"550 le fichier n'a pas \xe9t\xe9 trouv\xe9"
    transfers.upload(file, f"{ftp.url}/", "log.gz")
    transfers.download(f"{ftp.url}/log.gz", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == CONTENT


def test_a_size_that_is_no_number_is_none(ftp, transfers, file):
    (ftp.root / "log.gz").write_bytes(CONTENT[:10])
    ftp.says["213"] = b"213 zero"
    transfers.upload(file, f"{ftp.url}/", "log.gz")
    assert (ftp.root / "log.gz").read_bytes() == CONTENT


def test_a_goodbye_that_is_refused_changes_nothing(ftp, transfers, file, tmp_path):
    ftp.says["221"] = b"500 what?"
    transfers.upload(file, f"{ftp.url}/", "log.gz")
    assert (ftp.root / "log.gz").read_bytes() == CONTENT
    with pytest.raises(TransferFailed, match="no such file"):
        transfers.download(f"{ftp.url}/nothing", tmp_path / "target")


def test_whatever_else_goes_wrong_is_a_failure_and_logged(transfers, file, monkeypatch):
    def broken(_self, _url):
        raise LookupError("nobody thought of this")

    monkeypatch.setattr(Transfers, "_ftp", broken)
    with capture_logs() as logs, pytest.raises(TransferFailed, match="nobody thought of this"):
        transfers.upload(file, "ftp://127.0.0.1/", "log.gz")
    assert logs[0]["log_level"] == "error"


def test_control_characters_in_a_path_do_not_become_commands(ftp, transfers, tmp_path):
    with pytest.raises(TransferFailed, match="control"):
        transfers.download(f"{ftp.url}/x%0D%0ADELE%20y", tmp_path / "target")


class _Http(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.server.files[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()

    def do_GET(self):
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        if self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        cut = self.server.cut_after.pop(0) if self.server.cut_after else None
        self.wfile.write(content[start:][:cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def http():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Http)
    server.files, server.cut_after = {}, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_stores_and_fetches_too(http, transfers, file, tmp_path):
    transfers.upload(file, f"{http.url}/folder/", "log.gz")
    transfers.download(f"{http.url}/folder/log.gz", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == CONTENT


def test_http_goes_on_where_it_ended(http, transfers, tmp_path):
    http.files["/firmware.bin"] = CONTENT
    target = tmp_path / "target"
    target.write_bytes(CONTENT[:1000])
    transfers.download(f"{http.url}/firmware.bin", target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("there", [0, 20])
def test_http_stores_a_compressed_file_as_it_is(http, transfers, tmp_path, there):
    compressed = gzip.compress(CONTENT)
    http.files["/firmware.gz"] = compressed
    target = tmp_path / "target"
    target.write_bytes(compressed[:there])
    transfers.download(f"{http.url}/firmware.gz", target)
    assert target.read_bytes() == compressed


def test_http_can_be_forbidden(http, file):
    with pytest.raises(TransferFailed, match="expected ftp or ftps"):
        Transfers(http=False).upload(file, http.url, "log.gz")


def test_http_that_answers_no_file_fails(http, transfers, tmp_path):
    with pytest.raises(TransferFailed, match="404"):
        transfers.download(f"{http.url}/nothing", tmp_path / "target")
