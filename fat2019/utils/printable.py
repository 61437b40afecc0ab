"""Words in messages. Names may hold anything: what is printed of them is to move no cursor and break no line."""

import unicodedata

_KEPT = "\n\t"
_BYTES = 0xDC00  # from here on are bytes that are no UTF-8, as Python decodes the names of files


def printable(text: str) -> str:
    """Text with control characters, and bytes that are no UTF-8, as escapes; line breaks and tabs stay."""
    return text if text.isprintable() else "".join(map(_shown, text))


def one_line(text: str) -> str:
    """The same, with line breaks and tabs as escapes too: for a name."""
    return printable(text.replace("\n", r"\n").replace("\t", r"\t"))


def counted(count: int, noun: str) -> str:
    """``1 clip``, ``1,024 clips``."""
    return f"{count:,} {noun if count == 1 else noun + ('es' if noun.endswith('s') else 's')}"


def _shown(one: str) -> str:
    match unicodedata.category(one):
        case "Cs":
            return f"\\x{ord(one) - _BYTES:02x}"
        case "Cc" if one not in _KEPT:
            return f"\\x{ord(one):02x}"
    return one
