"""A wire tap: forwards TCP to the coordinator and keeps every byte that the tabs send."""

import socket
import socketserver
import threading


class Recorder:
    """Listens on a free port in front of `port`; `sent` is all that clients sent, in order."""

    def __init__(self, port: int):
        self.sent = bytearray()
        recorder = self

        class Forward(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as upstream:
                    back = threading.Thread(target=pump, args=(upstream, self.request))
                    back.start()
                    pump(self.request, upstream, recorder.sent.extend)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Forward)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def pump(source: socket.socket, target: socket.socket, keep=lambda data: None) -> None:
    """Pass bytes on until either side ends."""
    try:
        while data := source.recv(1 << 16):
            keep(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # a browser drops connections it no longer needs, which is no failure here
