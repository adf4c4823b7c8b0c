# SPDX-License-Identifier: Apache-2.0
"""requirements.txt: none of the specification's sentences is forgotten, and each test that it names is there."""
import functools
import pathlib
import re

from tests.spec import sentences

TESTS = pathlib.Path(__file__).resolve().parent.parent


def table():
    """[(section, words, [proof])] in the order of the file."""
    rows, section = [], None
    for line in (TESTS / "spec/requirements.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        if indent == 0:
            section = line
        elif indent == 4:
            rows.append((section, line.strip(), []))
        else:
            assert indent == 8, line
            rows[-1][2].append(line.strip())
    return rows


def test_every_sentence_has_its_row_and_every_row_its_sentence():
    rows, demands = table(), list(sentences.sentences())
    for (section, words, _), (where, sentence) in zip(rows, demands):
        assert section == where and words in sentence, f"the row \"{words}\" of {section} is not for: {where}: {sentence}"
    assert len(rows) == len(demands), (rows + demands)[min(len(rows), len(demands)):][:1]


def test_no_sentence_hides_from_the_search():
    """Each word in capitals is in one of the sentences: what the search leaves out would be forgotten in silence."""
    for name in sentences.DOCUMENTS:
        text = re.sub(r"```.*?```", "", (TESTS / f"spec/text/{name}.md").read_text(), flags=re.S)
        found = sum(len(sentences.KEYWORD.findall(s)) for where, s in sentences.sentences() if where.startswith(name + ".md#"))
        heads = sum(len(sentences.KEYWORD.findall(li)) for li in text.splitlines() if li.startswith("#"))
        assert found + heads == len(sentences.KEYWORD.findall(text)), name


def test_every_row_has_a_proof_or_a_reason():
    for section, words, proofs in table():
        assert proofs, f"{section}: {words}"
        assert all("::" in p or p.startswith("- ") or p.endswith(".py") for p in proofs), (section, proofs)


@functools.lru_cache(None)
def text_of(file):
    return (TESTS / file).read_text()


def test_every_named_test_is_there():
    for section, words, proofs in table():
        for proof in proofs:
            if proof.startswith("- "):
                continue
            file, _, name = proof.partition("::")
            assert (TESTS / file).exists(), f"{section}: {words}: {file}"
            wanted = f"def {name}(" if file.endswith(".py") and name else name
            assert wanted in text_of(file), f"{section}: {words}: {proof}"
