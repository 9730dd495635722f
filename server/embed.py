#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of a folder as C: embed.py OUTPUT.c OUTPUT.d FOLDER. Meson runs it; the page's files become part of
the command. The second output tells ninja what the first was made of, folders included: they change when files come
and go."""

import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


def main():
    output, depends, folder = (pathlib.Path(argument) for argument in sys.argv[1:4])
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in TYPES)
    lines = ["/* Written by server/embed.py. */", '#include "server/inside.h"', ""]
    table = []
    for number, path in enumerate(files):
        data = path.read_bytes()
        lines.append(f"static const unsigned char file_{number}[] = {{")
        # An empty file, too, needs an element.
        for start in range(0, max(len(data), 1), 24):
            lines.append("    " + ",".join(str(byte) for byte in data[start:start + 24] or b"\0") + ",")
        lines.append("};")
        name = "/" + path.relative_to(folder).as_posix()
        tag = hashlib.sha256(data).hexdigest()[:32]
        table.append(f'    {{"{name}", "{TYPES[path.suffix]}", "\\"{tag}\\"", file_{number}, {len(data)}}},')
    lines += ["", "const page_file page_files[] = {", *table, "};",
              f"const size_t page_file_count = {len(files)};", ""]
    output.write_text("\n".join(lines), encoding="utf-8")
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    names = " ".join(str(path).replace(" ", "\\ ") for path in (*folders, *files))
    depends.write_text(f"{output}: {names}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
