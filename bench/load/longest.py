"""Tells of each switchover the longest transaction: longest.py TIMES ACKED THERE PGBENCH-LOG... TIMES has a begin and an end a line.
One during which no transaction went on counts as without end."""
import sys

times, acked, there, *logs = sys.argv[1:]
ended = []
for log in logs:
    for line in open(log):
        word = line.split()
        # pgbench -l: client, number, microseconds, script, second, microsecond. The last line may be half written.
        if len(word) < 6:
            continue
        ended.append((int(word[4]) + int(word[5]) / 1e6, int(word[2]) / 1e6))
rows, broken = {}, 0
for line in open(acked):
    word = line.split()
    if word[0] == "!":
        broken += 1
    else:
        rows[word[0]] = None
        ended.append((float(word[1]), float(word[2])))
ended.sort()
longest = []
for line in open(times):
    begin, end = map(float, line.split())
    during = [took for at, took in ended if begin <= at and at - took <= end + 1]
    longest.append(max(during, default=float("inf")))
longest.sort()
there = set(open(there).read().split())
lost = sum(1 for number in rows if number not in there)
print(
    f"{len(longest)} switchovers: longest transaction {longest[(len(longest) - 1) // 2]:.3f} s (median), {longest[-1]:.3f} s (worst); "
    f"writer: {len(rows)} rows acknowledged, {lost} lost, {broken} failures"
)
