"""Asks every 10 ms over ARP who has an address, and whether PostgreSQL takes writes there, until a file appears.

Told: a line for each answer, "arp SECONDS ASKED LINK", where ASKED is the number of the question it came after, and for each new
connection "sql SECONDS PRIMARY|STANDBY|NONE MILLISECONDS".
"""

import os
import select
import socket
import struct
import sys
import threading
import time

import psycopg

interface, own, address, stop, log = sys.argv[1:6]
told = open(log, "w", buffering=1)
lock = threading.Lock()


def tell(*words):
    with lock:
        print(*words, file=told)


def connect():
    while not os.path.exists(stop):
        begin = time.time()
        try:
            with psycopg.connect(
                host=address, dbname="postgres", user="app", password="app", connect_timeout=2
            ) as server:
                found = server.execute("select pg_is_in_recovery()").fetchone()[0]
            role = "STANDBY" if found else "PRIMARY"
        except psycopg.Error:
            role = "NONE"
        now = time.time()
        tell("sql", f"{now:.4f}", role, f"{(now - begin) * 1000:.0f}")
        time.sleep(max(0, begin + 0.01 - now))


threading.Thread(target=connect, daemon=True).start()
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
packets.bind((interface, 0x0806))
link = packets.getsockname()[4]
wanted, asks = socket.inet_aton(address), socket.inet_aton(own)
asked = 0
while not os.path.exists(stop):
    asked += 1
    request = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, link, asks, b"\0" * 6, wanted)
    packets.send(b"\xff" * 6 + link + b"\x08\x06" + request)
    until = time.time() + 0.01
    while (left := until - time.time()) > 0:
        if not select.select([packets], [], [], left)[0]:
            break
        frame = packets.recv(128)
        kind, sender, ip = struct.unpack("!H6s4s", frame[20:32])
        # What is told to this host alone is an answer; what is told to all is the news of who has it now.
        if kind == 2 and ip == wanted and frame[:6] == link:
            tell("arp", f"{time.time():.4f}", asked, sender.hex(":"))
