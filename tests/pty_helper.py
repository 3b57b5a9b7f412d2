"""Runs one command in a pseudo-terminal, for tests/pty.ts.

Arguments: rows, columns, "apart" or "together" (standard error), and the command.
Orders come in and events go out as one JSON object a line:

in:   {"keys": "..."}  {"rows": 24, "columns": 80}  {"signal": 15}  {"reads": false}  {"hangup": true}
out:  {"pid": 1}  {"screen": "<base64>"}  {"errors": "<base64>"}  {"exit": 0}
"""

import base64
import fcntl
import json
import os
import pty
import selectors
import signal
import struct
import sys
import termios

ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT


def main():
    rows, columns, errors, *command = sys.argv[1:]
    errors_read, errors_write = os.pipe()
    pid, screen = pty.fork()
    if pid == 0:
        # The size is there before the program looks.
        resize(0, int(rows), int(columns))
        if errors == "apart":
            os.dup2(errors_write, 2)
        os.close(errors_read)
        os.close(errors_write)
        os.execvp(command[0], command)
    os.close(errors_write)
    tell({"pid": pid})
    serve(pid, screen, errors_read)


def serve(pid, screen, errors):
    orders = b""
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(screen, selectors.EVENT_READ)
    selector.register(errors, selectors.EVENT_READ)
    terminal = Terminal(pid, screen, selector)
    # The screen is closed by the last process that holds it.
    while terminal.is_open:
        for key, _ in selector.select(terminal.patience):
            data = read(key.fd)
            if not data:
                selector.unregister(key.fd)
                if key.fd == screen:
                    terminal.is_open = False
                if key.fd == 0:
                    # The giver of the orders is gone.
                    os.kill(pid, signal.SIGKILL)
            elif key.fd == screen:
                tell({"screen": base64.b64encode(data).decode()})
            elif key.fd == errors:
                tell({"errors": base64.b64encode(data).decode()})
            else:
                *lines, orders = (orders + data).split(b"\n")
                for line in lines:
                    terminal.obey(json.loads(line))
        if terminal.patience is not None and os.waitid(os.P_PID, pid, ENDED):
            terminal.is_open = False
    while errors in selector.get_map():
        data = read(errors)
        if not data:
            break
        tell({"errors": base64.b64encode(data).decode()})
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    tell({"exit": code if code >= 0 else 128 - code})


class Terminal:
    def __init__(self, pid, screen, selector):
        self.pid = pid
        self.screen = screen
        self.selector = selector
        self.is_open = True
        # Nobody tells the end of a command whose screen is not read.
        self.patience = None

    def obey(self, order):
        if "keys" in order:
            keys = order["keys"].encode()
            while keys:
                keys = keys[os.write(self.screen, keys):]
        if "rows" in order:
            resize(self.screen, order["rows"], order["columns"])
        if "signal" in order:
            os.kill(self.pid, order["signal"])
        if order.get("reads") is True:
            self.selector.register(self.screen, selectors.EVENT_READ)
            self.patience = None
        if order.get("reads") is False or "hangup" in order:
            self.selector.unregister(self.screen)
            self.patience = 0.1
        if "hangup" in order:
            os.close(self.screen)
            self.is_open = False


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # Linux's way of saying that nobody holds the other side of a terminal.
        return b""


def tell(event):
    print(json.dumps(event), flush=True)


main()
