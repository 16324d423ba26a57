"""`convt translate`: one layer in other frameworks' words, its kernel as they keep it, and a program."""

from __future__ import annotations

import argparse
import json

from convt.commands.layers import add_layer, layer_text
from convt.commands.parts import OK, Commands, UsageError, command, say


def configure(commands: Commands) -> None:
    parser = command(
        commands, "translate", "write one layer in other frameworks' words", translate,
        examples=('convt translate "torch.nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)" --to keras,jax',
                  'convt translate "keras.layers.Conv2DTranspose(3, 5)" --to torch --channels 8 --program',
                  "convt translate layer.txt --to onnx,yaml --input 7x7"),
        more="Where a framework cannot say the layer by one call, it tells why, and the least around the call.",
    )  # fmt: skip
    add_layer(parser)
    parser.add_argument("--to", metavar="NAMES", help="frameworks or kinds of call, such as torch,keras or "
                        "torch.nn.functional (default: all)")  # fmt: skip
    parser.add_argument("--program", action="store_true", help="print the text that computes y from x as well")


def translate(options: argparse.Namespace) -> int:
    """Print the translations; the exit status."""
    from convt.explaining.data import answer_data
    from convt.explaining.translations import kernel_expression, translations_text
    from convt.translation.dialect import chosen, dialects
    from convt.translation.translating import read
    from convt.translation.unknown import answer, known

    spoken = read(layer_text(options.layer))
    beside = known(spoken, options.input, options.channels, options.batch)
    names = list(dialects()) if options.to is None else [name.strip() for name in options.to.split(",") if name.strip()]
    if not names:
        raise UsageError(f"--to: found nothing, accepted {', '.join(dialects())}")
    answers = [answer(beside, dialect, kind, program=options.program) for dialect, kind in chosen(names)]
    if options.json:
        data = [answer_data(found, options.program) | {"kernel_from_source": kernel_expression(spoken, found)}
                for found in answers]  # fmt: skip
        say(json.dumps(data, indent=2))
    else:
        say(translations_text(spoken, beside, answers, options.program))
    return OK
