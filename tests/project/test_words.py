"""The prose of help, messages, pages and documents: terms of the field, and no phrase that reads as translated.

CONTRIBUTING.md has the style guide. What stands here came up before and is not to come back.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("fat2019", "docs", "features", "benchmarks", "notebooks", ".github")
KINDS = (".md", ".html", ".py", ".ipynb", ".yml")
AVOIDED = {  # a pattern, and what to write
    r"\bgo(es)? on (after|from|with|when|where|only|by|until)\b": "resumes, continues",
    r"\b(run|build|command)s? goes? on\b": "resumes",
    r"\bsittings?\b": "sessions",
    r"\bwhole files?\b|\bfiles? (that are )?whole\b|written whole": "atomic write",
    r"\bjudged labels?\b|\bjudg(e|es|ed|ing) (the )?(noisy|labels?)": "label cleaning",
    r"labels? (is|are) worth": "label confidence",
    r"own_share": "MixUp lambda",
    r"move[_ ]bands|\bmoved spectra\b|spectra (are|were) moved": "frequency shift/stretch",
    r"in[_ ]turn\b(?=.{0,40}(sound|mix|window))|heard one after the other|\bat once alone\b": "concatenated, overlaid",
    r"\bloudest (random )?windows?\b|\bloudest of (the |three |a few )?(random|windows|three|candidates)": "max-energy",
    r"by two steps( at once)?\b": "stride 2",
    r"\ba (row|second|step|clip|epoch|window|minute) a core\b": "per row per core",
    r"\b(?!takes|was|is|needs|has|moves)\w+s a (second|core|clip|epoch|window|class)\b": "per second, per clip",
    r"is to be heard|are to be heard": "What's in this sound?",
    r"taken for (what|which)": "most frequent confusions",
    r"\bwent worst\b": "worst predictions",
    r"what is learnt already": "focal-loss gamma",
    r"\bthose before it change\b|change in proportion": "earlier stages are scaled to match",
    r"of which options change": "other options override it",
    r"by way of memory": "features cached in memory",
    r"silence alone and kept whole": "silent clips (kept untrimmed)",
    r"until it is interrupted": "press Ctrl-C to stop",
    r"are found by looking": "detected automatically",
    r"nor their like": "and similar",
    r"of one deviation": "± one standard deviation",
    r"not to be had": "not available",
    r"\bmade anew\b": "rebuilt",
    r"\bmend(s|ed|ing)?\b": "repair, fix",
    r"See that\b": "check that",
    r"\bis told (how many|of each)": "called with, called for",
    r"\bone a (run|core|class|model|window|line|clip|shard)\b": "one per run",
    r"to be asked before": "call it before",
    r"would change nothing": "has no effect",
    r"where nothing (else )?is said": "default",
    r"cannot be had|can be had\b": "available",
    r"held against": "checked against, compared with",
}
OPTION_HELP = re.compile(r'help=\(?\s*f?"Of\b')


@pytest.mark.parametrize("pattern", AVOIDED, ids=AVOIDED.get)
def test_no_text_has_a_phrase_of_the_list(pattern):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in _texts()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found, f"write: {AVOIDED[pattern]}\n" + "\n".join(found)


def test_no_help_of_an_option_begins_with_of():
    assert [str(path) for path in _texts() if OPTION_HELP.search(path.read_text())] == []
    commands = (ROOT / "docs" / "commands.md").read_text()
    assert re.findall(r"\| Of .*", commands) == []


def _texts():
    files = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    return [
        path for path in files if path.suffix in KINDS and path != Path(__file__) and "__pycache__" not in path.parts
    ]
