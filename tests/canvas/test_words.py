"""Tokens merged to words in the browser: the same as word by word and by hand, and rows sum to what they summed to."""

import numpy as np
import pytest

from tests.tools.fake_scope import HOSTILE, SCRIPT, head
from tests.tools.tolerance import assert_close

MERGE = """async (head) => {
  const { mergeWords, tokenOf, wordOf } = await import("/one_head/words.js");
  const merged = mergeWords(typed(head));
  const [n, m] = head.shape;
  merged.there = [];
  for (let query = 0; query < n; query++) for (let key = 0; key < m; key++) {
    const word = wordOf(merged, { query, key });
    merged.there.push([word, tokenOf(merged, word)]);
  }
  const halves = [wordOf(merged, { query: 1, key: null }), tokenOf(merged, { query: null, key: 0 })];
  merged.half = [...halves, wordOf(merged, null)];
  merged.weights = [...merged.weights];
  merged.keep = [...merged.keep];
  for (const part of [merged.segments, merged.words]) {
    for (const side of ["queries", "keys"]) part[side] = [...part[side]];
  }
  return merged;
}"""


def merge(page, of):
    page.evaluate(SCRIPT)
    return page.evaluate(MERGE, of)


def runs(words):
    """[(start, end), ...] by asking of each pair of neighbours whether they are of one word."""
    starts = [t for t in range(len(words)) if t == 0 or words[t] != words[t - 1] or words[t] == -1]
    return list(zip(starts, [*starts[1:], len(words)], strict=True))


def test_by_hand(module_page):
    made = head(3)
    made |= {"queries": ["[CLS]", "un", "do"], "keys": ["[CLS]", "un", "do"], "keep": [1, 0, 0, 1, 1, 0, 1, 1, 1]}
    made["words"] = {"queries": [-1, 0, 0], "keys": [-1, 0, 0]}
    made["planes"]["weights"] = [1, 0, 0, 0.5, 0.5, 0, 0.25, 0.25, 0.5]
    merged = merge(module_page, made)
    assert merged["queries"] == merged["keys"] == ["[CLS]", "undo"]
    assert merged["shape"] == [2, 2]
    assert merged["weights"] == [1, 0, 0.375, 0.625]
    assert merged["keep"] == [1, 0, 1, 1]
    assert merged["members"] == {"queries": [[0, 1], [1, 3]], "keys": [[0, 1], [1, 3]]}
    assert merged["words"]["queries"] == [-1, 0]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (11, 11), (7, 13)])
def test_same_as_word_by_word(module_page, n, m, causal):
    made = head(n, m, seed=n + m, causal=causal)
    random = np.random.default_rng(5)
    made["words"] = {
        "queries": np.sort(random.integers(-1, n // 2 + 1, n)).tolist(),
        "keys": np.sort(random.integers(-1, m // 3 + 1, m)).tolist(),
    }
    merged = merge(module_page, made)
    from_words, to_words = runs(made["words"]["queries"]), runs(made["words"]["keys"])
    weights = np.array(made["planes"]["weights"], dtype=np.float64).reshape(n, m)
    keep = np.array(made["keep"]).reshape(n, m)
    expected = [[weights[a:b, c:d].sum(1).mean() for c, d in to_words] for a, b in from_words]
    found = np.array(merged["weights"]).reshape(len(from_words), len(to_words))
    assert_close(found, np.array(expected))
    assert merged["keep"] == [int(keep[a:b, c:d].any()) for a, b in from_words for c, d in to_words]
    assert merged["queries"] == ["".join(made["queries"][a:b]) for a, b in from_words]
    assert merged["keys"] == ["".join(made["keys"][a:b]) for a, b in to_words]
    assert merged["segments"]["keys"] == [int(made["segments"]["keys"][a]) for a, _ in to_words]
    sums = weights.sum(1)
    assert_close(found.sum(1), np.array([sums[a:b].mean() for a, b in from_words]))


def test_words_are_called_as_python_calls_them(module_page):
    made = head(3)
    made["words"] = {"queries": [-1, 0, 0], "keys": [-1, 0, 0]}
    made["wordNames"] = {"queries": ["[CLS]", "[UNK] 喜 欢"]}
    merged = merge(module_page, made)
    assert merged["queries"] == made["wordNames"]["queries"]
    assert merged["keys"] == [HOSTILE[0], HOSTILE[1] + HOSTILE[2]]


def test_cells_of_tokens_and_words(module_page):
    made = head(6, 5)
    merged = merge(module_page, made)
    of_query, of_key = [
        [w for w, (a, b) in enumerate(runs(made["words"][s])) for _ in range(a, b)] for s in ("queries", "keys")
    ]
    cells = iter(merged["there"])
    for query in range(6):
        for key in range(5):
            word, first = next(cells)
            assert word == {"query": of_query[query], "key": of_key[key]}
            assert first == {"query": of_query.index(of_query[query]), "key": of_key.index(of_key[key])}
    assert merged["half"] == [{"query": of_query[1], "key": None}, {"query": None, "key": 0}, None]
