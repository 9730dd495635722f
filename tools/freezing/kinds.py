# SPDX-License-Identifier: Apache-2.0
"""What kind of model a file or folder is: by its bytes and its files, not by its name. Needs Python alone."""

import mmap
import pathlib
import re
import zipfile

from problem import MODEL, Problem

KERAS, SAVED_MODEL, META_GRAPH, GRAPH, CHECKPOINT = "keras", "saved_model", "meta_graph", "graph", "checkpoint"

HEAD = 1 << 16  # bytes that tell the kind of all files but messages
INDEX_END = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # the last bytes of a checkpoint's index
DATA_NAME = re.compile(r"\.data-\d{5}-of-(\d{5})$")

ONNX = ("an ONNX model, which haya does not read yet, though a later version is to; nor is it converted here: "
        "freeze the TensorFlow model that it was made of, if there is one (docs/freeze.md)")
TFLITE = ("a TensorFlow Lite model, which cannot be turned back into a graph: freeze the Keras model or SavedModel "
          "that it was made of")
PYTORCH = "a PyTorch file, not one of Keras or TensorFlow"

OTHERS = [  # offset, bytes, what it is
    (4, b"TFL3", TFLITE),
    (0, b"GGUF", "a GGUF file, not a model of Keras or TensorFlow"),
    (0, b"\x93NUMPY", "a NumPy array, not a model"),
    (0, b"\x80\x02", "a Python pickle, an old PyTorch file perhaps, not a model of Keras or TensorFlow"),
    (8, b'{"', "a safetensors file: parameters alone, without the network"),
    (0, b"\x1f\x8b", "a gzip archive: unpack it first"),
    (257, b"ustar", "a tar archive: unpack it first"),
    (0, b"version https://git-lfs", "a Git LFS pointer: the file that it stands for was not fetched"),
]

TEXT = {  # the first field's name in a text file
    rb"node|library|versions": GRAPH,
    rb"meta_info_def|graph_def|saver_def|collection_def": META_GRAPH,
    rb"saved_model_schema_version|meta_graphs": SAVED_MODEL,
    rb"model_checkpoint_path|all_model_checkpoint_paths": CHECKPOINT,
}


def recognise(model):
    """(kind, path): of SavedModels the folder's path. Raises Problem for all that cannot be frozen."""
    path = pathlib.Path(model)
    try:
        if path.is_dir():
            return recognise_folder(path)
        if not path.exists():
            return recognise_prefix(path)
        if not path.is_file():
            raise Problem(f"{model}: is not a regular file", MODEL)
        if path.stat().st_size == 0:
            raise Problem(f"{model}: the file is empty", MODEL)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            kind = recognise_file(path, data)
    except OSError as error:
        raise Problem(f"{model}: cannot be read: {error.strerror or error}", MODEL) from None
    if kind == SAVED_MODEL:
        if not path.name.startswith("saved_model.pb"):
            raise Problem(f"{model}: the graph of a SavedModel, which is a folder with a file saved_model.pb; this "
                          "file has another name", MODEL)
        return kind, path.parent
    return kind, path


def recognise_folder(path):
    found = {file.name for file in path.iterdir()}
    if found & {"saved_model.pb", "saved_model.pbtxt"}:
        return SAVED_MODEL, path
    if {"config.json", "model.weights.h5"} <= found:
        return KERAS, path
    if "checkpoint" in found or any(name.endswith((".meta", ".index")) for name in found):
        return CHECKPOINT, path
    below = sorted(file.parent.relative_to(path).as_posix() for file in path.glob("*/saved_model.pb"))
    if below:
        raise Problem(f"{path}: has no saved_model.pb itself, but SavedModels below it: {', '.join(below[:5])}; "
                      "name one of them", MODEL)
    raise Problem(f"{path}: not a model: a folder without saved_model.pb or a checkpoint", MODEL)


def recognise_prefix(path):
    """A checkpoint is called by the part that its files' names share."""
    if path.parent.is_dir() and any((path.parent / (path.name + end)).exists() for end in (".index", ".meta")):
        return CHECKPOINT, path
    raise Problem(f"{path}: there is no such file or folder", MODEL)


def recognise_file(path, data):
    head = data[:HEAD]
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return KERAS
    if head.startswith(b"PK\x03\x04"):
        return recognise_zip(path)
    for offset, magic, what in OTHERS:
        if head[offset:].startswith(magic):
            raise Problem(f"{path}: {what}", MODEL)
    if data[-len(INDEX_END):] == INDEX_END or DATA_NAME.search(path.name):
        return CHECKPOINT
    kind = recognise_text(head) or recognise_message(path, data)
    if kind:
        return kind
    raise Problem(f"{path}: not a model of Keras or TensorFlow", MODEL)


def recognise_zip(path):
    try:
        names = zipfile.ZipFile(path).namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Problem(f"{path}: a damaged zip archive: {error}", MODEL) from None
    if "config.json" in names:
        return KERAS
    if any(name.endswith("data.pkl") for name in names):
        raise Problem(f"{path}: {PYTORCH}", MODEL)
    if any(name.endswith(".weights.h5") for name in names):
        raise Problem(f"{path}: the weights of a Keras model without the network", MODEL)
    if any(name.endswith("saved_model.pb") for name in names):
        raise Problem(f"{path}: a SavedModel in a zip archive: unpack it first", MODEL)
    raise Problem(f"{path}: a zip archive, but not of Keras: it has no config.json", MODEL)


def recognise_text(head):
    text = re.sub(rb"\A(?:\s|#[^\n]*\n)*", b"", head)
    for names, kind in TEXT.items():
        if re.match(rb"(?:" + names + rb")\s*[:{]", text):
            return kind
    return None


def recognise_message(path, data):
    """A protocol buffer, by its first fields."""
    fields = list(first_fields(data, 32))
    if not fields:
        return None
    by_number = {number: content for number, content in reversed(fields)}
    first_number, first = fields[0]
    if first_number == 1 and first is None:  # a number: ONNX's version of itself, or SavedModel's
        second = by_number.get(2)
        if second is None or second[:1] not in (b"\x0a", b"\x12"):
            if {7, 8, 3, 2} & set(by_number):
                raise Problem(f"{path}: {ONNX}", MODEL)
            return None
        return SAVED_MODEL
    if first is None or first_number not in (1, 2, 4):
        return None
    # In both, 1 is a message: a node begins with its name, the description of a meta graph with other things. 2 is
    # the graph or the function library. A GraphDef's 3 is a number, its 4 begins with one.
    if 3 in by_number and by_number[3] is not None or by_number.get(4, b"")[:1] == b"\x0a":
        return META_GRAPH
    if first_number == 1 and first[:1] != b"\x0a":
        return META_GRAPH if by_number.get(2) else None
    return GRAPH


def first_fields(data, limit):
    """(number, beginning of the content, None of a number) of the first fields, up to one that makes no sense."""
    at = 0
    for _ in range(limit):
        key, at = varint(data, at)
        if key is None or not key >> 3:
            return
        if key & 7 == 0:
            value, at = varint(data, at)
            if value is None:
                return
            yield key >> 3, None
        elif key & 7 == 2:
            size, at = varint(data, at)
            if size is None:
                return
            yield key >> 3, data[at:at + min(size, 8)]
            at += size
        else:
            return


def varint(data, at):
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            return None, at
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    return None, at
