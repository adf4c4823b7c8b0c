# SPDX-License-Identifier: Apache-2.0
"""Every sentence of the specification (text/) that obliges somebody: its document, its section, and its words.

Used by test_table.py, and by hand (python3 tests/spec/sentences.py) when the specification has changed.
"""
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
KEYWORD = re.compile(r"\b(MUST|SHALL|SHOULD|REQUIRED|RECOMMENDED)\b")
DOCUMENTS = ["bundle", "runtime", "runtime-linux", "config", "config-linux", "config-vm", "features", "features-linux",
             "glossary", "spec"]


def plain(text):
    """Without links, emphasis and code marks; blanks are one blank."""
    text = re.sub(r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])", r"\1", text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>|[*`\\]|(?<!\w)_|_(?!\w)", "", text)).strip()


def anchor(title):
    made = re.search(r'name="([^"]*)"', title)
    if made:
        return re.sub(r"([a-z])([A-Z])", r"\1-\2", made.group(1)).lower()
    return re.sub(r"[^\w]+", "-", plain(title).lower()).strip("-")


def blocks(text):
    """(anchor, one paragraph or list item) in order; code is left out."""
    here, block, fenced = "", [], False
    for line in text.splitlines() + [""]:
        if line.lstrip().startswith("```"):
            fenced = not fenced
            line = ""
        title = None if fenced else re.match(r"#+\s+(.*)", line)
        starts = re.match(r"\s*([*+-]|\d+\.)\s", line) or " | " in line        # an item of a list, a row of a table
        if (title or not line.strip() or starts or fenced) and block:
            yield here, " ".join(block)
            block = []
        if title:
            here = anchor(title.group(1))
        elif line.strip() and not fenced:
            block.append(line.strip())


def sentences():
    for document in DOCUMENTS:
        for section, block in blocks((HERE / "text" / f"{document}.md").read_text()):
            for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z\"`*\[(])", plain(re.sub(r"^([*+-]|\d+\.)\s", "", block))):
                if KEYWORD.search(sentence):
                    yield f"{document}.md#{section}", sentence


if __name__ == "__main__":
    for where, sentence in sentences():
        print(f"{where}\t{sentence}")
