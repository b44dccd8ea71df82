"""Tells of an address what address.py saw of it: held.py LOG TIMES, TIMES with a begin and an end of a switchover a line."""

import sys

log, times = sys.argv[1:3]
answers, links, sql = {}, [], []
for line in open(log):
    word = line.split()
    if word[0] == "arp":
        answers.setdefault(int(word[2]), set()).add(word[3])
        links.append((float(word[1]), word[3]))
    else:
        sql.append((float(word[1]), word[2], float(word[3])))
both = sum(1 for found in answers.values() if len(found) > 1)
# After another one has answered, the one before must not.
changes = [at for at, (before, after) in enumerate(zip(links, links[1:]), 1) if before[1] != after[1]]
silent, refused, longest = [], [], []
for line in open(times):
    begin, end = map(float, line.split())
    moved = [links[at][0] - links[at - 1][0] for at in changes if begin <= links[at][0] <= end]
    silent += moved
    good = [at for at, role, _ in sql if role == "PRIMARY" and begin - 1 <= at <= end + 3]
    refused.append(max(after - before for before, after in zip(good, good[1:])))
standby = sum(1 for _, role, _ in sql if role == "STANDBY")
middle = lambda found: sorted(found)[(len(found) - 1) // 2]
count = len(refused)
print(
    f"{count} switchovers, {len(answers)} questions answered: {both} of them by two hosts, the address moved {len(changes)} times; "
    f"nobody answered for {middle(silent):.3f} s (median), {max(silent):.3f} s (longest); "
    f"between two new connections that met a primary {middle(refused):.3f} s (median), {max(refused):.3f} s (longest); "
    f"{standby} met a standby"
)
