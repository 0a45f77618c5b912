"""What the words alone say, whatever their order: logistic regression on how often each occurs."""

from collections.abc import Sequence

Labelled = tuple[Sequence[str], Sequence[int]]
WORD = r"\w+|[^\w\s]"  # a single letter and a sign, such as an emoji, are words too


def bag_of_words(training: Labelled, held_out: Labelled) -> float:
    """The accuracy on held-out texts of scikit-learn's logistic regression on TF-IDF weights of single words.

    Raises ValueError where scikit-learn is missing.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ValueError('The bag of words needs scikit-learn: pip install "selfattn[training]".') from error
    words = TfidfVectorizer(token_pattern=WORD)
    model = LogisticRegression(max_iter=1000).fit(words.fit_transform(training[0]), training[1])
    return float(model.score(words.transform(held_out[0]), held_out[1]))
