"""Draws what a command prints as a picture: draw.py TITLE OUT.svg COMMAND...

Each word has its own place, in columns of a terminal, and is made as wide as its letters: what is between words is room and no
blanks, so that no viewer can lose an indentation or join two words, whatever font it has.
"""
import re
import subprocess
import sys
from xml.sax.saxutils import escape

WIDE, HIGH, SIZE, EDGE, TOP = 8.4, 19, 14, 18, 48
COLOURS = {"31": "#cc6666", "32": "#98c379", "33": "#e0b354"}

title, out, *command = sys.argv[1:]
ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
plain = lambda line: re.sub(r"\x1b\[[0-9;]*m", "", line)
# What has only begun is told again when it is done.
lines = [line for line in ran.stdout.rstrip("\n").split("\n") if not re.search(r" …( \d+/\d+)?$", plain(line))]

texts, widest = [], len(title) + 12
for number, line in enumerate(lines):
    column, style = 0, ""
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        if piece.startswith("\x1b"):
            for code in piece[2:-1].split(";"):
                if code in ("", "0"):
                    style = ""
                elif code == "1":
                    style += ' font-weight="bold"'
                elif code == "2":
                    style += ' fill="#868887"'
                elif code in COLOURS:
                    style += f' fill="{COLOURS[code]}"'
            continue
        for word in re.finditer(r"\S+", piece):
            x, y = EDGE + (column + word.start()) * WIDE, TOP + number * HIGH
            length = len(word.group()) * WIDE
            texts.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"{style}>{escape(word.group())}</text>'
            )
        column += len(piece)
    widest = max(widest, column)

width, height = EDGE * 2 + widest * WIDE, TOP + len(lines) * HIGH
with open(out, "w") as picture:
    picture.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1d1f21"/>\n'
        '<g><circle cx="20" cy="16" r="5" fill="#cc6666"/><circle cx="38" cy="16" r="5" fill="#e0b354"/>'
        '<circle cx="56" cy="16" r="5" fill="#98c379"/></g>\n'
        f'<text x="{width / 2:.0f}" y="21" text-anchor="middle" font-family="sans-serif" font-size="13" fill="#868887">{escape(title)}</text>\n'
        f'<g font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="{SIZE}" fill="#c5c8c6">\n'
        + "\n".join(texts)
        + "\n</g>\n</svg>\n"
    )
