"""Code of a user's own that a sweep names as "module:Class": read and identified, kept with the sweep, imported.

A sweep lists the modules under ``uses``. Reading them executes nothing; :func:`load` makes them importable in this
process, from memory, so that what is imported is what was read.
"""

from optimizers.user_code.code_bundle import CodeBundle, read_bundle
from optimizers.user_code.current import (
    current,
    described,
    described_names,
    is_importable,
    is_own,
    load,
    place_of,
    resolve,
    source_of,
)
from optimizers.user_code.definitions import definition_of
from optimizers.user_code.signatures import Default, Parameter, Signature, described_signature, signature_of

__all__ = [
    "CodeBundle",
    "Default",
    "Parameter",
    "Signature",
    "current",
    "definition_of",
    "described",
    "described_names",
    "described_signature",
    "is_importable",
    "is_own",
    "load",
    "place_of",
    "read_bundle",
    "resolve",
    "signature_of",
    "source_of",
]
