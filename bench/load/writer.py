"""Inserts rows into whoever is the primary until STOP exists: writer.py HOSTS STOP OUT; OUT gets each acknowledged number with its time."""
import os
import sys
import time

import psycopg

hosts, stop, out = sys.argv[1:]
where = f"host={hosts} user=app password=app dbname=postgres target_session_attrs=read-write connect_timeout=2"
connection, number = None, 0
with open(out, "w", buffering=1) as acknowledged:
    while not os.path.exists(stop):
        number += 1
        try:
            if connection is None:
                connection = psycopg.connect(where, autocommit=True)
            connection.execute("insert into written values (%s)", (number,))
            acknowledged.write(f"{number} {time.time():.4f}\n")
        except psycopg.Error:
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(0.005)
