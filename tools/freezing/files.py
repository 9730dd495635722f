# SPDX-License-Identifier: Apache-2.0
"""What is written: all files, whole, or none."""

import json
import os
import pathlib
import re
import tempfile

from problem import USAGE, Problem


def paths(model, asked):
    """Where the graph and its settings go. Found before the work is done, so that nothing is lost at its end."""
    model = pathlib.Path(model)
    output = pathlib.Path(asked) if asked else default_output(model)
    if not output.parent.is_dir():
        raise Problem(f"{output}: there is no folder {output.parent}", USAGE)
    if output.is_dir():
        raise Problem(f"{output}: is a folder", USAGE)
    if not os.access(output.parent, os.W_OK):
        raise Problem(f"{output}: the folder {output.parent} cannot be written to")
    if output.exists() and model.exists() and output.samefile(model):
        raise Problem(f"{output}: is the model itself; -o names another file", USAGE)
    if output.name == "saved_model.pb":
        raise Problem(f"{output}: is what SavedModels call their graph; -o names another file", USAGE)
    if not asked and output.exists():
        raise Problem(f"{output}: is there already; -o {output} writes over it", USAGE)
    return output, output.with_suffix(".json") if output.suffix == ".pb" else pathlib.Path(f"{output}.json")


def default_output(model):
    """MODEL's name with .pb, in the folder that MODEL is in."""
    model = pathlib.Path(os.path.abspath(model)) if model.name in ("", ".", "..") else model
    if model.name in ("saved_model.pb", "saved_model.pbtxt"):
        model = pathlib.Path(os.path.abspath(model)).parent
    if model.is_dir():
        return model.parent / (model.name + ".pb")
    stem = re.sub(r"\.(keras|h5|hdf5|pbtxt|pb|meta|index|data-\d{5}-of-\d{5})$", "", model.name)
    name = stem + ".pb"
    return model.parent / (name if name != model.name else stem + "_frozen.pb")


def write(contents):
    """Writes {path: bytes}: each beside its place, and then all are put there."""
    parts = {}
    try:
        for path, content in contents.items():
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
                parts[path] = file.name
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(file.name, 0o666 & ~umask())
        for path, part in parts.items():
            os.replace(part, path)
    except OSError as error:
        raise Problem(f"{error.filename or next(iter(contents))}: cannot be written: {error.strerror}") from None
    finally:
        for part in parts.values():
            if os.path.exists(part):
                os.unlink(part)


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def json_bytes(document):
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
