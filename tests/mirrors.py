"""Mirrors on the loopback, and what can be wrong with one."""

import contextlib
import gzip
import os
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from idx import NAMES, STAND_IN, idx_bytes


class Server(ThreadingHTTPServer):
    """Serves `pages[path]`, a function that is given the request's handler and answers with it.

    asked: the paths of all requests; endured: whether a client has waited to the end of a fault
    that has none; halfway: set when half a body is out; left: set when a client has hung up on a
    fault that drips.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.asked = {}, []
        self.endured = False
        self.closing, self.halfway, self.left = (threading.Event() for _ in range(3))
        self.address = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    def handle_error(self, *_):
        pass  # clients that go away are what the tests are about

    def __exit__(self, *_):
        self.closing.set()
        self.shutdown()
        self.server_close()

    def mirror(self, name, arrays=STAND_IN, **changed):
        """Serves the four files of a data set under a name; returns the mirror's address.

        changed: bytes for the first file, `content`, or how it is answered, `page`.
        """
        for file, array in zip(NAMES, arrays, strict=True):
            self.pages[f"/{name}/{file}.gz"] = page(gzip.compress(idx_bytes(array)))
        if "content" in changed:
            changed["page"] = page(changed["content"])
        if "page" in changed:
            self.pages[f"/{name}/{NAMES[0]}.gz"] = changed["page"]
        return f"{self.address}{name}/"

    def use_tls(self, folder):
        """From now on speaks https, with a certificate that signs itself; returns its path."""
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        command = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
        command += " -days 2 -subj /CN=loopback -addext subjectAltName=IP:127.0.0.1"
        command = [*command.split(), "-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.address = self.address.replace("http:", "https:")
        return certificate


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.pages.get(self.path, page(b"<html>404</html>", 404))(self)

    def log_message(self, *_):
        pass


def page(body, status=200, length=None, **headers):
    """Answers with these bytes; length: what the headers say of theirs, if it is not true."""

    def answer(handler):
        handler.send_response(status)
        for key, value in ({"Content-Length": str(length or len(body))} | headers).items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def silent(handler):
    handler.server.endured = not handler.server.closing.wait(5)


def drip(handler, what, pause):
    """Sends `what` over and over until the client goes, or for 5 seconds."""
    for _ in range(int(5 / pause)):
        if handler.server.closing.wait(pause):
            return
        try:
            handler.wfile.write(what)
        except OSError:
            handler.server.left.set()
            return
    handler.server.endured = True


def dripping_body(handler):
    page(b"", length=10_000)(handler)
    drip(handler, b"\x1f", 0.05)


def dripping_headers(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    drip(handler, b"X: y\r\n", 0.1)


def half_a_body(handler):
    """Sends the first half of the first file, then nothing."""
    body = gzip.compress(idx_bytes(STAND_IN[0]))
    page(body[: len(body) // 2], length=len(body))(handler)
    handler.server.halfway.set()
    silent(handler)


def refusing_address():
    """An address at which nothing listens."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def offline_environment(tmp_path):
    """Variables of a whole process: no MNIST, and a network that refuses all connections."""
    kept = {key: value for key, value in os.environ.items() if key != "MNIST_DIR"}
    refusing = dict.fromkeys(("http_proxy", "https_proxy"), refusing_address())
    return kept | refusing | {"KERAS_HOME": str(tmp_path), "no_proxy": "", "NO_PROXY": ""}


RAW = idx_bytes(STAND_IN[0])
GZ = gzip.compress(RAW)
FLIPPED = RAW[:-1] + bytes([RAW[-1] ^ 1])

# name of the fault -> (what a mirror does with the first file, words of the reason that is given)
FAULTS = {
    "a server that accepts and stays silent": (silent, "timed out"),
    "one that drips a byte a second": (dripping_body, "not complete after"),
    "headers that drip": (dripping_headers, "not complete after"),
    "403 with an HTML page": (page(b"<html>Forbidden</html>", 403), "403: Forbidden"),
    "500": (page(b"", 500), "500: Internal Server Error"),
    "a login page": (page(b"\n<!DOCTYPE html>Guest Wi-Fi"), "a web page instead"),
    "redirect loop": (lambda handler: page(b"", 302, Location=handler.path)(handler), "redirect"),
    "body cut short": (page(GZ[:-100], length=len(GZ)), "is damaged"),
    "no body": (page(b""), "is not an IDX file"),
    "right size, wrong bytes": (page(gzip.compress(FLIPPED)), "SHA-256 differs"),
    "wrong IDX magic": (page(gzip.compress(b"\1" + RAW[1:])), "is not an IDX file"),
    "counts that do not fit the file": (page(gzip.compress(RAW[:-1])), "3,919 values"),
}
