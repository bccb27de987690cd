"""Re-inventing BERT: fourteen papers, each a small module to import.

Every module of this package is one idea from one paper, in the order in
which the ideas came. What no paper invented (data, training, plots) lives in
`reinvent.toolbox`. Imports between papers point back in time only: they are
the lineage of BERT, and `reinvent.toolbox.lineage` draws it from them.

Letters in the shape comments of all modules::

    B  sentences in a batch        T  positions that ask (target, query)
    V  words in the vocabulary     S  positions that are asked (source, key)
    D  hidden size                 E  embedding size
    A  alignment size              F  feed-forward size
    H  heads                       K  size of one head
    M  memories of a story         L  words of one statement
    N  negative samples            C  words of context
    Q  things that ask             (a question and the memories found)
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One paper of the book.

    Attributes:
        title: As printed on the paper.
        authors: As printed, in order.
        date: Of the first public version, ISO 8601; a year alone where the
            day could not be verified. Used for the timeline.
        link: To the version that was read.
        chapter: Stem of the notebook in `chapters/` that tells it.
    """

    title: str
    authors: str
    date: str
    link: str
    chapter: str


PAPERS = {
    "word2vec": Paper(
        title="Efficient Estimation of Word Representations in Vector Space",
        authors="Mikolov, Chen, Corrado, Dean",
        date="2013-01-16",
        link="https://arxiv.org/abs/1301.3781v3",
        chapter="00_before_attention",
    ),
    "seq2seq": Paper(
        title="Sequence to Sequence Learning with Neural Networks",
        authors="Sutskever, Vinyals, Le",
        date="2014",
        link="https://arxiv.org/abs/1409.3215v3",
        chapter="00_before_attention",
    ),
    "memory_networks": Paper(
        title="Memory Networks",
        authors="Weston, Chopra, Bordes",
        date="2014-10-15",
        link="https://arxiv.org/abs/1410.3916v11",
        chapter="01_memory_networks",
    ),
    "bahdanau": Paper(
        title=(
            "Neural Machine Translation by Jointly Learning to Align and"
            " Translate"
        ),
        authors="Bahdanau, Cho, Bengio",
        date="2014-09-01",
        link="https://arxiv.org/abs/1409.0473v7",
        chapter="02_bahdanau",
    ),
    "luong": Paper(
        title=(
            "Effective Approaches to Attention-based Neural Machine"
            " Translation"
        ),
        authors="Luong, Pham, Manning",
        date="2015",
        link="https://arxiv.org/abs/1508.04025v5",
        chapter="03_luong",
    ),
    "memn2n": Paper(
        title="End-To-End Memory Networks",
        authors="Sukhbaatar, Szlam, Weston, Fergus",
        date="2015",
        link="https://arxiv.org/abs/1503.08895v5",
        chapter="04_memn2n",
    ),
    "wordpiece": Paper(
        title="Japanese and Korean Voice Search",
        authors="Schuster, Nakajima",
        date="2012",
        link="https://doi.org/10.1109/ICASSP.2012.6289079",
        chapter="05_gnmt",
    ),
    "gnmt": Paper(
        title=(
            "Google's Neural Machine Translation System: Bridging the Gap"
            " between Human and Machine Translation"
        ),
        authors=(
            "Wu, Schuster, Chen, Le, Norouzi, Macherey, Krikun, Cao, Gao,"
            " Macherey, Klingner, Shah, Johnson, Liu, Kaiser, Gouws, Kato,"
            " Kudo, Kazawa, Stevens, Kurian, Patil, Wang, Young, Smith, Riesa,"
            " Rudnick, Vinyals, Corrado, Hughes, Dean"
        ),
        date="2016-09-26",
        link="https://arxiv.org/abs/1609.08144v2",
        chapter="05_gnmt",
    ),
    "conv_encoder": Paper(
        title="A Convolutional Encoder Model for Neural Machine Translation",
        authors="Gehring, Auli, Grangier, Dauphin",
        date="2016-11-07",
        link="https://arxiv.org/abs/1611.02344v1",
        chapter="06_conv_encoder",
    ),
    "glu_lm": Paper(
        title="Language Modeling with Gated Convolutional Networks",
        authors="Dauphin, Fan, Auli, Grangier",
        date="2016-12-23",
        link="https://arxiv.org/abs/1612.08083v3",
        chapter="07_glu_lm",
    ),
    "convs2s": Paper(
        title="Convolutional Sequence to Sequence Learning",
        authors="Gehring, Auli, Grangier, Yarats, Dauphin",
        date="2017",
        link="https://arxiv.org/abs/1705.03122v3",
        chapter="08_convs2s",
    ),
    "transformer": Paper(
        title="Attention Is All You Need",
        authors=(
            "Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser,"
            " Polosukhin"
        ),
        date="2017-06-12",
        link="https://arxiv.org/abs/1706.03762v7",
        chapter="09_transformer",
    ),
    "elmo": Paper(
        title="Deep contextualized word representations",
        authors="Peters, Neumann, Iyyer, Gardner, Clark, Lee, Zettlemoyer",
        date="2018-02-15",
        link="https://arxiv.org/abs/1802.05365v2",
        chapter="10_elmo",
    ),
    "bpe": Paper(
        title="Neural Machine Translation of Rare Words with Subword Units",
        authors="Sennrich, Haddow, Birch",
        date="2015-08-31",
        link="https://arxiv.org/abs/1508.07909v5",
        chapter="11_gpt",
    ),
    "gpt": Paper(
        title="Improving Language Understanding by Generative Pre-Training",
        authors="Radford, Narasimhan, Salimans, Sutskever",
        date="2018-06-11",
        link="https://openai.com/blog/language-unsupervised/",
        chapter="11_gpt",
    ),
    "bert": Paper(
        title=(
            "BERT: Pre-training of Deep Bidirectional Transformers for"
            " Language Understanding"
        ),
        authors="Devlin, Chang, Lee, Toutanova",
        date="2018-10-11",
        link="https://arxiv.org/abs/1810.04805v2",
        chapter="12_bert",
    ),
    "byte_bpe": Paper(
        title="Language Models are Unsupervised Multitask Learners",
        authors="Radford, Wu, Child, Luan, Amodei, Sutskever",
        date="2019-02-14",
        link="https://openai.com/blog/better-language-models/",
        chapter="13_gpt2",
    ),
    "gpt2": Paper(
        title="Language Models are Unsupervised Multitask Learners",
        authors="Radford, Wu, Child, Luan, Amodei, Sutskever",
        date="2019-02-14",
        link="https://openai.com/blog/better-language-models/",
        chapter="13_gpt2",
    ),
    "roberta": Paper(
        title="RoBERTa: A Robustly Optimized BERT Pretraining Approach",
        authors=(
            "Liu, Ott, Goyal, Du, Joshi, Chen, Levy, Lewis, Zettlemoyer,"
            " Stoyanov"
        ),
        date="2019-07-26",
        link="https://arxiv.org/abs/1907.11692v1",
        chapter="14_roberta",
    ),
}
"""The papers in the order of the book: module name to `Paper`."""
