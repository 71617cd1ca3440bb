# SPDX-License-Identifier: Apache-2.0
"""Files that a hostile or careless researcher would send out, and ordinary ones, made here byte by byte. Nothing of the rules is read."""

import base64
import gzip
import io
import json
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

File = tuple[str, str, str, bytes]
"""(what it is, name, kind as declared, bytes)."""
NIR = "184127645108946"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
GROUPS = "age,sex,n_persons,rate\n" + "".join(
    f"{a}-{a + 9},{s},{20 + a},{0.012 * a:.3g}\n" for a in range(20, 90, 10) for s in "MF"
)


def png(
    rows: list[list[tuple[int, ...]]],
    *,
    colour: int = 2,
    depth: int = 8,
    interlaced: int = 0,
    how: int = 0,
    more: tuple[tuple[bytes, bytes], ...] = (),
    before: tuple[tuple[bytes, bytes], ...] = (),
    after: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """A PNG of these points, whose lines are filtered in one way; with chunks, bytes after its end, bytes after its packed lines."""
    width, samples = len(rows[0]), len(rows[0][0])
    raw, above = b"", bytes(width * samples)
    for row in rows:
        line = bytes(one for point in row for one in point)
        raw += bytes([how]) + bytes((one - guess(line, above, at, samples, how)) & 255 for at, one in enumerate(line))
        above = line
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, interlaced)
    parts = [(b"IHDR", head), *before, (b"IDAT", zlib.compress(raw) + tail), *more, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts) + after


def guess(line: bytes, above: bytes, at: int, samples: int, how: int) -> int:
    """What a filter of PNG expects of a byte."""
    left = line[at - samples] if at >= samples else 0
    up, corner = above[at], above[at - samples] if at >= samples else 0
    nearest = min((left, up, corner), key=lambda one: abs(left + up - corner - one))
    return (0, left, up, (left + up) // 2, nearest)[how]


def chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def plain(width: int = 12, height: int = 9) -> list[list[tuple[int, ...]]]:
    """A picture of grey steps and one red line."""
    return [[(255, 0, 0) if y == x else (17 * (x % 16),) * 3 for x in range(width)] for y in range(height)]


def zipped(name: str = "a.csv", text: str = "n\n3\n") -> bytes:
    """An archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, text)
    return out.getvalue()


def hostile() -> Iterator[File]:
    """Every one must be refused, or leave as other bytes that carry nothing of it (``rewritten``)."""
    yield from _disguised()
    yield from _tables()
    yield from _cells()
    yield from _texts()
    yield from _codes()
    yield from _pictures()


def _disguised() -> Iterator[File]:
    notebook = json.dumps({"cells": [], "nbformat": 4}).encode()
    rds = gzip.compress(b"RDX3\nX")
    for name, data in (
        ("model.pkl", pickle.dumps([1, 2])),
        ("run.ipynb", notebook),
        ("all.zip", zipped()),
        ("data.parquet", b"PAR1" + b"\0" * 20),
        ("fit.rds", rds),
        ("fit.RData", b"RDX3\nX"),
        ("page.html", b"<html><body>3</body></html>"),
        ("figure.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>"),
        ("book.xlsx", zipped("xl/workbook.xml")),
        ("paper.pdf", b"%PDF-1.7\n"),
        ("a.csv.gz", gzip.compress(b"n\n3\n")),
        ("counts", b"n,m\n20,30\n"),
        ("../counts.csv", b"n,m\n20,30\n"),
        (".hidden.csv", b"n,m\n20,30\n"),
        ("counts\u202e.csv", b"n,m\n20,30\n"),
        ("a" * 80 + ".csv", b"n,m\n20,30\n"),
    ):
        for kind in ("table", "text"):
            yield f"{name[:20]} as {kind}", name, kind, data
    for what, data in (
        ("zip", zipped()),
        ("gzip", gzip.compress(b"n\n3\n")),
        ("pickle", pickle.dumps({"a": 1})),
        ("parquet", b"PAR1" + b"\0" * 20),
        ("sqlite", b"SQLite format 3\0"),
        ("rds", rds),
        ("pdf", b"%PDF-1.7\n"),
        ("elf", b"\x7fELF\x02"),
        ("hdf5", b"\x89HDF\r\n\x1a\n"),
        ("numpy", b"\x93NUMPY\x01\x00"),
    ):
        yield f"{what} renamed to csv", "counts.csv", "table", data
        yield f"{what} renamed to txt", "notes.txt", "text", data
    yield "notebook renamed to txt", "notes.txt", "text", notebook
    yield "svg renamed to txt", "notes.txt", "text", b"<svg aria-label='3'/>"
    yield "svg renamed to png", "figure.png", "figure", b"<svg aria-label='3'/>"
    yield "jpeg renamed to png", "figure.png", "figure", b"\xff\xd8\xff\xe0" + b"\0" * 30
    yield "html in markdown", "notes.md", "text", b"# Result\n\n<script>fetch('x')</script>\n"
    yield "picture in markdown", "notes.md", "text", b"![a](data:image/png;base64,AAAA)\n"
    yield "declared of another kind", "counts.csv", "text", b"n,m\n20,30\n"
    yield "of no kind", "counts.csv", "", b"n,m\n20,30\n"
    yield "empty", "counts.csv", "table", b""


def _tables() -> Iterator[File]:
    draw = random.Random(7)
    rows = "\n".join(f"{n},{20 + n}" for n in range(5001))
    persons = [(draw.randrange(10**6), draw.choice("MF"), draw.randrange(20, 99), draw.randrange(2)) for _ in range(80)]
    yield "5,001 rows", "counts.csv", "table", f"day,n\n{rows}\n".encode()
    yield "a hundred and one columns", "counts.csv", "table", (",".join(f"c{n}" for n in range(101)) + "\n").encode()
    yield "ragged rows", "counts.csv", "table", b"a,n\nx,20,30\n"
    yield "a quote left open", "counts.csv", "table", b'a,n\n"x,20\n'
    yield "a cell of two lines", "counts.csv", "table", b'a,n\n"x\n=1+1",20\n'
    yield "two columns of one name", "counts.csv", "table", b"n,N\n20,30\n"
    yield "not UTF-8", "counts.csv", "table", "région,n\nÎle,20\n".encode("latin-1")
    yield "UTF-16", "counts.csv", "table", "a,n\nx,20\n".encode("utf-16")
    yield "bytes of no text", "counts.csv", "table", b"a,n\nx\0y,20\n"
    lines = "".join(f"{p},{s},{a},{d}\n" for p, s, a, d in persons)
    yield "one row a person, by a code", "t.csv", "table", f"code,sex,years,dead\n{lines}".encode()
    sorted_lines = "".join(f"{n},{s},{a},{d}\n" for n, (_, s, a, d) in enumerate(persons, 1))
    yield "one row a person, numbered", "t.csv", "table", f"line,sex,years,dead\n{sorted_lines}".encode()
    bare = "".join(f"{s},{a % 3},{d}\n" for _, s, a, d in persons)
    yield "one row a person, without a code", "t.csv", "table", f"sex,band,dead\n{bare}".encode()
    yield "a column of persons", "t.csv", "table", b"patient_id,age\n1,80\n2,70\n"
    yield "a column of the SNDS", "t.csv", "table", b"BEN_IDT_ANO,n\nx,20\n"
    yield "a column of births", "t.csv", "table", b"birth_date,n\n1950-01-01,20\n"
    yield "a column of establishments", "t.csv", "table", b"finess,n\nx,20\n"
    for count in ("1", "3", "10"):
        yield f"a count of {count}", "t.csv", "table", f"age,n\n20-29,40\n30-39,{count}\n".encode()
    yield "a count of 7 under a French name", "t.csv", "table", b"tranche;effectif\n20-29;7\n"
    yield "a count of 4 among deaths", "t.tsv", "table", b"arm\tn_deaths\tdeaths\na\t40\t4\n"
    deep = "\n".join(f"{n},{draw.random():.15f}" for n in range(30))
    yield "floats of fifteen digits", "t.csv", "table", f"day,survival\n{deep}\n".encode()
    yield "seven digits behind zeros", "t.csv", "table", b"day,rate\n1,0.0001234567\n"
    yield "whole numbers of twelve digits", "t.csv", "table", b"day,total\n1,123456789012\n"
    yield "an exponent that hides digits", "t.csv", "table", b"day,rate\n1,1.2345678e-3\n"
    yield "a cell of a thousand signs", "t.csv", "table", f"a,n\n{'x y ' * 250},20\n".encode()


def _cells() -> Iterator[File]:
    for what, cell in (
        ("equals", "=1+1"),
        ("plus", "+1+1"),
        ("at", "@SUM(A1)"),
        ("minus and letters", "-cmd|' /C calc'!A0"),
        ("space before equals", "  =1+1"),
        ("quote before equals", "'=1+1"),
        ("no-break space before equals", "\u00a0=1+1"),
        ("wide equals", "\uff1d1+1"),
        ("wide plus", "\uff0b1+1"),
        ("after a semicolon", "x;=1+1"),
        ("after a bar", "x|=HYPERLINK(A1)"),
        ("tab inside", "x\t=1+1"),
        ("an argument of DDE", "=cmd|'/c calc'!A1"),
    ):
        yield f"formula: {what}", "t.csv", "table", f'a,n\n"{cell}",20\n'.encode()
    yield "formula in a name of a column", "t.csv", "table", b"=1+1,n\nx,20\n"
    for what, cell in (
        ("NIR of 15", NIR),
        ("NIR of 13", NIR[:13]),
        ("NIR as printed", "1 84 12 76 451 089 46"),
        ("NIR of Corsica", "184122A451089"),
        ("NIR with points", "1.84.12.76.451.089"),
        ("NIR with no-break spaces", "1\u00a084\u00a012\u00a076\u00a0451\u00a0089"),
        ("NIR with strokes", "1-84-12-76-451-089-46"),
        ("pseudonym", HEX),
        ("pseudonym in capitals", HEX.upper()),
        ("UUID", "9f86d081-884c-4d65-9a2f-eaa0c55ad015"),
        ("packed data", base64.b64encode(bytes(range(60, 96))).decode()),
        ("mail", "ann.bee@example.org"),
        ("telephone", "06 12 34 56 78"),
        ("telephone from abroad", "+33 6 12 34 56 78"),
        ("nine digits", "123456789"),
        ("digits one by one", "1 8 4 1 2 7 6 4 5"),
    ):
        yield f"identifier in a cell: {what}", "t.csv", "table", f'label,n\n"{cell}",20\n'.encode()
        yield f"identifier in a text: {what}", "notes.txt", "text", f"One of them was {cell} at entry.\n".encode()
    for what, cell in (
        ("zero width", "a\u200bb"),
        ("right to left", "a\u202eb"),
        ("soft hyphen", "a\u00adb"),
        ("Cyrillic a", "\u0430b"),
        ("digits of another script", "\u0661\u0662"),
        ("combining mark", "a\u0301"),
        ("tag", "a\U000e0041"),
        ("private", "a\ue000"),
        ("variation", "a\ufe0f"),
        ("bell", "a\x07"),
        ("wide digits", "\uff11\uff12"),
        ("mathematical letters", "\U0001d41a"),
    ):
        yield f"signs in a cell: {what}", "t.csv", "table", f"label,n\n{cell},20\n".encode()
        yield f"signs in a text: {what}", "notes.txt", "text", f"A word: {cell}.\n".encode()


def _texts() -> Iterator[File]:
    yield "born on", "notes.txt", "text", b"A woman born on 12/04/1951 had three events.\n"
    yield "naissance", "notes.txt", "text", b"Date de naissance : 1951-04-12.\n"
    yield "larger than 64 KiB", "notes.txt", "text", b"a line of words\n" * 4200
    yield "one line of a thousand signs", "notes.txt", "text", b"word " * 200
    rows = "".join(f"{n}, {n * 3 % 17}, {n * 5 % 23}\n" for n in range(40))
    yield "a table in a text", "notes.txt", "text", f"rows follow\n{rows}".encode()
    spaced = "".join(f"{n:4d} {n * 3 % 17:4d} {n * 5 % 23:4d} {n % 2}\n" for n in range(40))
    yield "a table of spaces in a log", "run.log", "text", spaced.encode()
    yield "a number of ten digits behind a point", "run.log", "text", b"p = 0.0123456789\n"


def _codes() -> Iterator[File]:
    values = ", ".join(str(n * 7919 % 997) for n in range(60))
    yield "a list of values", "main.py", "code", f"x = [{values}]\n".encode()
    column = ",\n".join(str(n * 7919 % 997) for n in range(60))
    yield "a list of values, one a line", "main.py", "code", f"x = [\n{column},\n]\n".encode()
    yield "a vector of R", "main.R", "code", f"x <- c({values})\n".encode()
    yield (
        "packed data in code",
        "main.py",
        "code",
        f"x = '{base64.b64encode(bytes(range(50, 90))).decode()}'\n".encode(),
    )
    yield "an identifier in a comment", "main.sql", "code", f"-- {NIR}\nSELECT 1\n".encode()
    yield "a pickle in code", "main.py", "code", b"\x80\x04\x95"


def _pictures() -> Iterator[File]:
    text = chunk(b"tEXt", b"Comment\0three persons")
    whole = png(plain())
    yield "bytes after the end", "figure.png", "figure", whole + b"three persons"
    yield "an archive after the end", "figure.png", "figure", whole + zipped()
    yield "cut short", "figure.png", "figure", whole[:-20]
    yield "a check sum that is wrong", "figure.png", "figure", whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]
    yield "more packed lines than it is high", "figure.png", "figure", _taller()
    yield "bytes after the packed lines", "figure.png", "figure", png(plain(), tail=b"three persons")
    yield "interlaced", "figure.png", "figure", png(plain(), interlaced=1)
    yield "sixteen bits", "figure.png", "figure", png(plain(), depth=16)
    yield "a palette that is not there", "figure.png", "figure", png([[(3,), (4,)]], colour=3)
    yield "a side of 5,000 points", "figure.png", "figure", png([[(0,) * 3] * 5001])
    yield "two ends", "figure.png", "figure", whole + chunk(b"IEND", b"")
    yield "text before its head", "figure.png", "figure", whole[:8] + text + whole[8:]


def _taller() -> bytes:
    head = struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"\0" + bytes(6) + b"\0three.")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def rewritten() -> Iterator[tuple[str, str, str, bytes, bytes]]:
    """Files that leave, but as other bytes: the last is what may not be found in them."""
    lossy = [
        [tuple(one & 254 | (x * 7 + y) & 1 for one in point) for x, point in enumerate(row)]
        for y, row in enumerate(plain())
    ]
    secret = b"three persons"
    for name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"tIME", b"teSt", b"gAMA"):
        yield f"chunk {name.decode()}", "figure.png", "figure", png(plain(), more=((name, secret),)), secret
        yield f"chunk {name.decode()} first", "figure.png", "figure", png(plain(), before=((name, secret),)), secret
    yield "lowest bits", "figure.png", "figure", png(lossy), b""
    yield "spaces at ends of lines", "notes.txt", "text", b"one \t \ntwo  \t\n", b" \t"
    yield "ends of lines of two systems", "notes.txt", "text", b"one\r\ntwo\nthree\rfour\n", b"\r"
    yield "a mark of order", "counts.csv", "table", b"\xef\xbb\xbf" + GROUPS.encode(), b"\xef\xbb\xbf"
    yield "quotes where none are needed", "counts.csv", "table", b'"a","n"\n"x",20\n"y","30"\n', b'"'
    yield "spaces around cells", "counts.csv", "table", b"a , n\n x,  20\ny ,30\n", b" "


def harmless() -> Iterator[File]:
    """Ordinary files of honest work: each must pass."""
    yield "counts by age and sex", "counts.csv", "table", GROUPS.encode()
    yield "the same with tabs", "counts.tsv", "table", GROUPS.replace(",", "\t").encode()
    yield "the same with CRLF", "counts.csv", "table", GROUPS.replace("\n", "\r\n").encode()
    yield "French marks", "taux.csv", "table", "région;effectif;taux\nÎle-de-France;1200;0,123\nCorse;45;0,2\n".encode()
    yield "withheld cells", "counts.csv", "table", b"age,n\n20-29,suppressed\n30-39,40\n40-49,\n"
    yield "zeros", "counts.csv", "table", b"age,n\n20-29,0\n30-39,40\n"
    yield "counts in millions", "counts.csv", "table", b"year,n\n2018,66992159\n2019,67257982\n"
    yield (
        "negative coefficients",
        "model.csv",
        "table",
        b"term,estimate,lower,upper\nage,-0.012,-0.031,0.004\nsex,0.21,0.1,0.33\n",
    )
    yield (
        "a regression",
        "model.csv",
        "table",
        b"term,hazard_ratio,lower,upper,p_value,n_events\na,1.23,1.01,1.5,0.039,412\n",
    )
    yield "p values in exponents", "model.csv", "table", b"term,p_value\nage,1.2e-05\nsex,3.4e-12\n"
    yield "percentages", "table1.csv", "table", b"what,arm a,arm b\nwomen,52.1%,49.8%\nmean age,61.2,60.9\n"
    curve = "".join(f"{day},{1 - day / 4000:.4f},{9000 - 2 * day}\n" for day in range(1826))
    yield "a survival curve of five years by day", "curve.csv", "table", f"day,survival,at_risk\n{curve}".encode()
    plateau = "".join(f"{day},{1 - (day // 60) / 100:.3g}\n" for day in range(365))
    yield "a curve with plateaus", "curve.csv", "table", f"day,survival\n{plateau}".encode()
    months = "".join(f"{y}-{m:02d},{200 + m}\n" for y in range(2012, 2020) for m in range(1, 13))
    yield "counts by month", "months.csv", "table", f"month,n\n{months}".encode()
    areas = "".join(f"area {chr(65 + n // 26)}{chr(65 + n % 26)},{200 + n * 3}\n" for n in range(96))
    yield "counts of 96 areas", "map.csv", "table", f"departement,n\n{areas}".encode()
    drugs = "".join(f"A10B{chr(65 + n // 26)}{n % 26:02d},{30 + n}\n" for n in range(120))
    yield "counts of 120 codes", "codes.csv", "table", f"atc,n_persons\n{drugs}".encode()
    yield "a table of one row", "one.csv", "table", b"n,person_years\n4120,18233.5\n"
    yield "dashes for nothing", "table1.csv", "table", "what,a,b\nage,61.2,–\nsex,-,52\n".encode()
    yield "parentheses", "table1.csv", "table", b"what,a\nage,61.2 (9.8)\nwomen,412 (52.1)\n"
    yield "ranges", "table1.csv", "table", b"what,value\nfollow-up,2012-2019\nages,18-45\n"
    yield "quoted labels with commas", "t.csv", "table", b'label,n\n"stroke, any",120\n"stroke, fatal",44\n'
    yield (
        "a histogram",
        "bins.csv",
        "table",
        "".join(["bin,n\n", *(f"{10 * n},{50 + n}\n" for n in range(60))]).encode(),
    )
    yield (
        "years of persons",
        "rates.csv",
        "table",
        b"arm,person_years,events,rate\na,1200.5,33,27.5\nb,1180.2,41,34.7\n",
    )
    yield (
        "a calibration by decile",
        "decile.csv",
        "table",
        "".join(
            ["decile,expected,observed,n\n", *(f"{n},{n / 50:.3g},{n / 48:.3g},400\n" for n in range(11, 21))]
        ).encode(),
    )
    yield "names of countries and drugs", "t.csv", "table", b"country_name,drug_name,n\nFrance,pioglitazone,412\n"
    yield (
        "a text of methods",
        "methods.txt",
        "text",
        "We compared new users (n = 4,120) over 2012–2019; HR 1.23 (95% CI 1.01–1.50), p = 0.039.\n".encode(),
    )
    yield (
        "a text in French",
        "methodes.md",
        "text",
        "# Méthodes\n\nLes 4 120 utilisateurs ont été suivis « jusqu'au décès » — 5,2 ans en moyenne.\n".encode(),
    )
    yield (
        "a log of a fit",
        "fit.log",
        "text",
        b"iteration 1: loss 0.693\niteration 2: loss 0.512\nconverged after 14 iterations\n",
    )
    yield "a list in markdown", "readme.md", "text", b"- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    yield "a mention of a day", "methods.txt", "text", b"Follow-up ended on 2019-12-31 for everybody.\n"
    yield "an interval of months", "methods.txt", "text", b"Outcomes were taken from 30 to 365 days after index.\n"
    yield "Greek letters", "methods.txt", "text", "α = 0.05, β = 0.2, σ² = 1.3; 10 µg ± 2 °C\n".encode()
    yield (
        "a script of Python",
        "main.py",
        "code",
        b"import pandas as pd\n\nframe = pd.read_csv('/in/events.csv')\nprint(frame.groupby('arm').size().round(-1))\n",
    )
    yield (
        "a script of R",
        "main.R",
        "code",
        b"library(survival)\nfit <- coxph(Surv(time, event) ~ arm + age, data = d)\nwrite.csv(round(coef(fit), 3), '/out/model.csv')\n",
    )
    yield "a query", "main.sql", "code", b"SELECT arm, count(*) AS n FROM cohort GROUP BY arm HAVING count(*) >= 11;\n"
    yield (
        "constants in code",
        "main.py",
        "code",
        b"BREAKS = [0, 30, 90, 180, 365, 730, 1825]\nSEED = 20261123\nEPS = 1e-10\nDAYS = 365.25\n",
    )
    yield "code with tabs", "main.py", "code", b"def f(x):\n\treturn x + 1\n"
    yield "a picture", "figure.png", "figure", png(plain())
    yield "a picture of each filter", "figure.png", "figure", png(plain(), how=4)
    yield (
        "a picture with a clear ground",
        "figure.png",
        "figure",
        png([[(*p, 128) for p in row] for row in plain()], colour=6, how=1),
    )
    yield (
        "a grey picture",
        "figure.png",
        "figure",
        png([[(17 * x,) for x in range(16)] for _ in range(4)], colour=0, how=2),
    )
    palette = bytes(range(48))
    yield (
        "a picture of few colours",
        "figure.png",
        "figure",
        png([[(x % 16,) for x in range(20)] for _ in range(5)], colour=3, how=3, before=((b"PLTE", palette),)),
    )
