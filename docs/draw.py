"""Draws what a command prints as a picture: draw.py TITLE OUT.svg COMMAND... (needs rich from PyPI)."""
import subprocess
import sys

from rich.console import Console
from rich.text import Text

title, out, *command = sys.argv[1:]
ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
lines = [Text.from_ansi(line) for line in ran.stdout.splitlines() if not line.rstrip().endswith(" …")]
width = max(80, *(line.cell_len for line in lines)) + 1
with open("/dev/null", "w") as nowhere:
    console = Console(record=True, width=width, file=nowhere, highlight=False)
    for line in lines:
        console.print(line, no_wrap=True, overflow="ignore", soft_wrap=True, highlight=False)
    console.save_svg(out, title=title)
