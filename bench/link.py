"""Two network namespaces joined by links with a delay, a chance of loss and a bottleneck: see link.ts.

Linux would do this with `tc netem`, a module that many kernels lack; TUN devices are everywhere. The
namespaces and devices have no names, so they end with the processes inside them. This one ends with its
standard input.
"""

import asyncio
import collections
import ctypes
import fcntl
import json
import math
import os
import random
import selectors
import struct
import subprocess
import sys

CLONE_NEWNET = 0x40000000  # linux/sched.h
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
FRAME_BYTES = 1500

# The default selector rounds its timeouts up to 1 ms.
loop = asyncio.SelectorEventLoop(selectors.SelectSelector())


def new_end(links, own, peer):
    """Makes a namespace with an end of every link; returns its descriptor and those of the devices."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    devices = []
    for number in range(len(links)):
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        name = f"tun{number}"
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        address = f"10.0.{number}.{own}"
        ip("address", "add", address, "peer", f"10.0.{number}.{peer}", "dev", name)
        ip("link", "set", name, "up")
        devices.append(device)
    return os.open("/proc/self/ns/net", os.O_RDONLY), devices


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def forward(source, target, direction, link):
    """Carries frames in one direction. Their fates depend on it and on the seed alone."""
    fates = random.Random(f"{direction} {link['seed']}")
    bytes_per_second = link.get("rate") or math.inf
    most_queued = link.get("queue") or math.inf
    departures = collections.deque()  # of the frames in the bottleneck: the first is being sent

    def receive():
        frame = os.read(source, FRAME_BYTES)
        # The system sends IPv6 of its own accord.
        if frame[0] >> 4 != 4 or fates.random() < link["loss"]:
            return
        now = loop.time()
        while departures and departures[0] <= now:
            departures.popleft()
        if len(departures) > most_queued:
            return
        begins = departures[-1] if departures else now
        departures.append(begins + len(frame) / bytes_per_second)
        loop.call_at(departures[-1] + link["delay"], os.write, target, frame)

    loop.add_reader(source, receive)


def main():
    links = json.loads(sys.argv[1])
    first, servers = new_end(links, 1, 2)
    second, clients = new_end(links, 2, 1)
    for link, server, client in zip(links, servers, clients):
        forward(server, client, "down", link)
        forward(client, server, "up", link)
    print(json.dumps({"pid": os.getpid(), "descriptors": [first, second]}), flush=True)
    loop.add_reader(sys.stdin.fileno(), loop.stop)
    loop.run_forever()


main()
