# SPDX-License-Identifier: Apache-2.0
"""The command line."""

import argparse

DESCRIPTION = """\
Makes a frozen graph (.pb), which haya runs, of a trained model:

  a .keras file, or a .h5 file with a whole Keras model
  a SavedModel folder
  a graph of TensorFlow 1 (.meta, .pb or .pbtxt) and its checkpoint

The frozen graph is run beside the original on the same random input, and written only if both give the same. Beside
it goes a .json file that tells haya what is known of the model's inputs and outputs (docs/model-json.md)."""

EPILOG = """\
examples:
  tools/freeze unet.keras                                     writes unet.pb and unet.json
  tools/freeze export/1 -o unet.pb --signature segment        of a SavedModel with several signatures
  tools/freeze model.ckpt-5000.meta --outputs output/Sigmoid  of TensorFlow 1, with a checkpoint of that name
  tools/freeze graph.pbtxt --checkpoint model.ckpt-5000 --outputs output/Sigmoid
  tools/freeze unet.h5 --shape 1,512,512,1                    for one size alone

TensorFlow is installed into .venv on the first use, some hundred megabytes, unless FREEZE_PYTHON names a Python
that has TensorFlow and Keras 3.

exit status: 0 written; 2 wrong usage, or a name that the model does not have; 3 the model cannot be read or is of
another kind; 1 anything else. Unless it is 0, nothing is written."""


def parse(argv=None):
    parser = argparse.ArgumentParser(prog="tools/freeze", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="the model's file or folder")
    parser.add_argument("-o", "--output", metavar="OUT.pb",
                        help="the file to write, over an older one if there is; by default MODEL's name with .pb, "
                             "which must not exist yet")
    parser.add_argument("--outputs", metavar="A,B", type=names, default=[],
                        help="the outputs to keep: outputs or layers of a Keras model, outputs of a signature, "
                             "any tensors of a TensorFlow 1 graph")
    parser.add_argument("--inputs", metavar="A,B", type=names, default=[],
                        help="TensorFlow 1: the tensors that become inputs, instead of the placeholders that the "
                             "outputs depend on")
    parser.add_argument("--shape", metavar="[NAME=]DIMS", action="append", type=shape, default=[],
                        help="an input's shape, as 1,256,256,1 or ?,?,?,3 with ? for any size; without a name, of "
                             "the next input; repeatable")
    parser.add_argument("--signature", metavar="NAME",
                        help="SavedModel: the signature to freeze (serving_default, or the only one)")
    parser.add_argument("--checkpoint", metavar="PREFIX",
                        help="TensorFlow 1: the checkpoint, without .index; by default the one of MODEL's name, or "
                             "the latest one beside it")
    parser.add_argument("--run-code", action="store_true",
                        help="run the Python code that a Keras file holds for its Lambda layers, which can do "
                             "anything that you can; for files that you trust")
    parser.add_argument("--verbose", action="store_true", help="show TensorFlow's messages, and where errors arise")
    return parser.parse_args(argv)


def names(text):
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"'{text}' has an empty name")
    return found


def shape(text):
    """(name or None, [size or None for any])."""
    name, _, dims = text.rpartition("=")
    sizes = []
    for size in dims.strip("[]").split(","):
        if size.strip() == "?":
            sizes.append(None)
        elif size.strip().isdecimal() and int(size) > 0:
            sizes.append(int(size))
        else:
            raise argparse.ArgumentTypeError(f"'{text}' is not a shape like 1,256,256,1")
    return name or None, sizes
