"""Prints the longest pause between two acknowledged rows, how many there are, and how many are lost: gap.py ACKED THERE."""
import sys

acked = [line.split() for line in open(sys.argv[1])]
there = set(open(sys.argv[2]).read().split())
times = [float(at) for _, at in acked]
pause = max(after - before for before, after in zip(times, times[1:]))
print(f"{pause:.3f} {len(acked)} {sum(1 for number, _ in acked if number not in there)}")
