"""Inserts 200 rows a second over one connection until STOP exists: pooled.py CONNINFO STOP OUT. OUT gets each acknowledged number with
its time and how long it took; a connection that breaks or a statement that fails is a line that begins with !."""
import os
import sys
import time

import psycopg

where, stop, out = sys.argv[1:]
connection, number, due = None, 0, time.time()
with open(out, "w", buffering=1) as told:
    while not os.path.exists(stop):
        number += 1
        due = max(due + 0.005, time.time() - 1)
        time.sleep(max(0, due - time.time()))
        begin = time.time()
        try:
            if connection is None:
                connection = psycopg.connect(where, autocommit=True, prepare_threshold=None)
            connection.execute("insert into written values (%s)", (number,))
            end = time.time()
            told.write(f"{number} {end:.4f} {end - begin:.4f}\n")
        except psycopg.Error as error:
            told.write(f"! {time.time():.4f} {' '.join(str(error).split())}\n")
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(0.005)
