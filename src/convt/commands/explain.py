"""`convt explain`: one layer in numbers, and the same layer in every framework's words."""

from __future__ import annotations

import argparse
import json

from convt.commands.layers import add_layer, layer_text
from convt.commands.parts import OK, Commands, command, output_file, say, writing


def configure(commands: Commands) -> None:
    parser = command(
        commands, "explain", "tell the size, border, overlaps and cost of one layer, and its other names", explain,
        examples=('convt explain "torch.nn.ConvTranspose2d(1, 3, 3, stride=2, padding=1)" --input 4x4',
                  'convt explain "keras.layers.Conv2DTranspose(8, 5, strides=2)" --input 7x7 --channels 3',
                  'convt explain "nn.ConvTranspose1d(1, 1, 4, stride=2)" --html layer.html'),
    )  # fmt: skip
    add_layer(parser)
    parser.add_argument("--html", type=output_file, metavar="FILE", help="write a page with drawings that works from "
                        "disk")  # fmt: skip


def explain(options: argparse.Namespace) -> int:
    """Print the explanation, or write the page; the exit status."""
    from convt.explaining.data import explanation_data
    from convt.explaining.facts import explain as explained
    from convt.explaining.text import explanation_text

    found = explained(layer_text(options.layer), options.input, options.channels, options.batch)
    if options.html:
        from convt.explaining.layer_page import write_layer_page

        with writing(options.html, "--html"):
            write_layer_page(found, options.html)
    if options.json:
        say(json.dumps(explanation_data(found), indent=2))
    else:
        say(str(options.html) if options.html else explanation_text(found))
    return OK
