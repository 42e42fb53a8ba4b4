"""The cards of corpora that have to be asked for or are described only: what they say, and that their formats are read.

The sentences here are made up; only the names of files and columns and the codes are those of the releases.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from argqual.corpora.card import Card
from argqual.corpora.cards import read_card, shipped_folder

if TYPE_CHECKING:
    from argqual.argument import Argument
    from argqual.corpora.corpus import Corpus

DESCRIBED = (
    "gaqcorpus",
    "persuade",
    "ukp_sufficiency",
    "europolis",
    "marro_essays",
    "valnov",
    "sfu_constructive",
    "appropriateness",
)
NON_COMMERCIAL = ("persuade", "marro_essays", "sfu_constructive")
UNCLEAR_OR_CLOSED = ("gaqcorpus", "ukp_sufficiency", "europolis", "valnov", "appropriateness")


def card(name: str) -> Card:
    return read_card(shipped_folder() / f"{name}.yaml")


@pytest.mark.parametrize("name", DESCRIBED)
class TestEachCard:
    def test_is_called_as_its_file(self, name: str) -> None:
        assert card(name).id == name

    def test_says_how_to_get_it(self, name: str) -> None:
        described = card(name)
        assert described.source
        assert described.homepage.startswith("https://")
        if described.by_request is not None:
            assert len(described.by_request.split()) > 10

    def test_names_its_files_and_claims_no_hash_that_nobody_has_checked(self, name: str) -> None:
        described = card(name)
        assert described.files
        assert not any(file.sha256 or file.rows_sha256 or file.bytes for file in described.files)

    def test_does_not_allow_what_its_licence_does_not(self, name: str) -> None:
        licence = card(name).licence
        assert not licence.commercial
        assert licence.terms
        assert licence.share_alike == ("NC-SA" in licence.id)
        if name in UNCLEAR_OR_CLOSED:
            assert not licence.redistribution

    def test_cites_a_paper_that_can_be_found(self, name: str) -> None:
        described = card(name)
        assert described.citations
        assert any(citation.doi or citation.url for citation in described.citations)

    def test_gives_a_source_with_every_published_figure(self, name: str) -> None:
        assert all(baseline.source for baseline in card(name).published)

    def test_says_what_is_not_certain(self, name: str) -> None:
        assert len(card(name).traps) >= 5

    def test_labels_have_a_scale(self, name: str) -> None:
        labels = card(name).labels
        assert labels
        for label in labels.values():
            assert label.lowest is not None
            assert label.highest is not None
            for value in label.values.values():
                assert label.lowest <= value <= label.highest


@pytest.mark.parametrize("name", NON_COMMERCIAL)
def test_non_commercial_licences_forbid_commercial_use(name: str) -> None:
    licence = card(name).licence
    assert "NC" in licence.id
    assert "commercial use" in licence.forbids


def test_what_is_only_akin_to_a_target_is_a_proxy() -> None:
    chosen = {(name, target): each.proxy for name in DESCRIBED for target, each in card(name).targets.items()}
    true_constructs = {key for key, proxy in chosen.items() if not proxy}
    assert true_constructs == {
        ("gaqcorpus", "overall"),
        ("gaqcorpus", "logic"),
        ("gaqcorpus", "rhetoric"),
        ("gaqcorpus", "dialectic"),
        ("ukp_sufficiency", "sufficiency"),
        ("marro_essays", "logic"),
    }


def test_a_format_the_table_reader_cannot_join_has_no_reader() -> None:
    assert [name for name in DESCRIBED if card(name).reader is None] == ["marro_essays"]


# ---- reading files of the documented format


needs_readers = pytest.mark.skipif(
    importlib.util.find_spec("argqual.corpora.reading") is None, reason="needs the readers"
)


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder for the copy of a card and the files it names."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


def read_beside(name: str, folder: Path) -> Corpus:
    """What a card without its source reads from the files that lie beside it."""
    from argqual.corpora.reading import read_corpus

    said = yaml.safe_load((shipped_folder() / f"{name}.yaml").read_text(encoding="utf-8"))
    del said["source"]
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return read_corpus(path)


def write_csv(path: Path, header: Sequence[str], *rows: Sequence[object], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)


def by_text(corpus: Corpus) -> dict[str, Argument]:
    return {argument.text: argument for argument in corpus.arguments}


@needs_readers
class TestGaqcorpus:
    HEADER = ("id", "text", "title", "overall_mean", "cogency_mean", "effectiveness_mean", "reasonableness_mean")

    def write(self, folder: Path) -> None:
        for number, file in enumerate(card("gaqcorpus").files):
            write_csv(
                folder / file.path,
                self.HEADER,
                (f"p{number}", f"Parks cool cities, study {number} found.", "Why plant trees?", 3.5, 4, 2.25, 3.0),
                (f"q{number}", f"Well, {number} times no.", "Why plant trees?", "#", "#", "#", "#"),
            )

    def test_means_are_labels_of_the_post(self, beside: Path) -> None:
        self.write(beside)
        argument = by_text(read_beside("gaqcorpus", beside))["Parks cool cities, study 3 found."]
        assert argument.issue == "Why plant trees?"
        assert argument.labels == {"overall": 3.5, "cogency": 4, "effectiveness": 2.25, "reasonableness": 3}

    def test_a_hash_means_that_nothing_was_judged(self, beside: Path) -> None:
        self.write(beside)
        assert by_text(read_beside("gaqcorpus", beside))["Well, 3 times no."].labels == {}

    def test_files_of_all_domains_are_read_and_begin_the_ids(self, beside: Path) -> None:
        self.write(beside)
        corpus = read_beside("gaqcorpus", beside)
        assert len(corpus.arguments) == 18
        ids = [argument.id or "" for argument in corpus.arguments]
        assert len(set(ids)) == 18
        assert {each.split("_")[0] for each in ids} == {"qa", "debate", "review"}


@needs_readers
class TestPersuade:
    HEADER = (
        "essay_id",
        "essay_id_comp",
        "competition_set",
        "prompt_name",
        "task",
        "full_text",
        "holistic_essay_score",
        "discourse_type",
        "discourse_text",
        "discourse_start",
        "discourse_end",
        "discourse_effectiveness",
    )

    def write(self, folder: Path) -> None:
        essay = ("Buses", "Independent", "Late buses should be free. They cost us lessons, as I saw in May.", 4)
        write_csv(
            folder / "persuade_corpus_2.0_train.csv",
            self.HEADER,
            (1, "A1", "train", *essay, "Position", "Late buses should be free.", 0, 26, "Adequate"),
            (1, "A1", "train", *essay, "Evidence", "They cost us lessons, as I saw in May.", 27, 65, "Effective"),
            (1, "A1", "train", *essay, "Unannotated", "so yes", 65, 71, ""),
        )
        write_csv(
            folder / "persuade_corpus_2.0_test.csv",
            self.HEADER,
            (2, "B2", "test", *essay, "Rebuttal", "That is not so.", 0, 15, "Ineffective"),
        )

    def test_words_become_three_levels(self, beside: Path) -> None:
        self.write(beside)
        found = by_text(read_beside("persuade", beside))
        assert found["That is not so."].labels == {"effectiveness": 1}
        assert found["Late buses should be free."].labels == {"effectiveness": 2}
        assert found["They cost us lessons, as I saw in May."].labels == {"effectiveness": 3}

    def test_elements_have_their_type_prompt_and_split(self, beside: Path) -> None:
        self.write(beside)
        corpus = read_beside("persuade", beside)
        rebuttal = by_text(corpus)["That is not so."]
        assert (rebuttal.type, rebuttal.issue) == ("Rebuttal", "Buses")
        assert sorted(set(corpus.splits.values())) == ["test", "train"]
        assert {argument.type for argument in corpus.arguments} <= set(card("persuade").argument_types)

    def test_gaps_between_elements_are_left_out(self, beside: Path) -> None:
        self.write(beside)
        corpus = read_beside("persuade", beside)
        assert len(corpus.arguments) == 3
        assert [argument.text for argument in corpus.excluded] == ["so yes"]


@needs_readers
class TestUkpSufficiency:
    def write(self, folder: Path) -> None:
        lines = [
            "ESSAY\tARGUMENT\tTEXT\tANNOTATION",
            '1\t1\tEveryone I know likes tea , so " all " people do .\tinsufficient',
            "1\t2\tTea has been drunk for ages , and three trials found it harmless . It is safe in a caf\xe9 too .\t",
            "2\t1\tTwo of two friends agree .\tinsufficient",
        ]
        (folder / "data-tokenized.tsv").write_bytes("\n".join(lines).encode("latin-1") + b"\n")

    def test_an_empty_cell_means_sufficient(self, beside: Path) -> None:
        self.write(beside)
        corpus = read_beside("ukp_sufficiency", beside)
        assert [argument.labels for argument in corpus.arguments] == [
            {"sufficiency": 0},
            {"sufficiency": 1},
            {"sufficiency": 0},
        ]

    def test_essay_and_argument_make_the_id(self, beside: Path) -> None:
        self.write(beside)
        assert [argument.id for argument in read_beside("ukp_sufficiency", beside).arguments] == ["1-1", "1-2", "2-1"]

    def test_quotes_and_other_bytes_are_characters(self, beside: Path) -> None:
        self.write(beside)
        first, second, _ = read_beside("ukp_sufficiency", beside).arguments
        assert first.text.count('"') == 2
        assert "caf\xe9" in second.text


@needs_readers
class TestEuropolis:
    HEADER = (
        "Unnamed: 0",
        "UniqueID",
        "small_gr",
        "sequence",
        "nr",
        "jcon",
        "resp_gr",
        "int1",
        "speech",
        "translation",
        "orig_lang",
        "cleaned_comment",
        "label",
        "cogency",
        "overall",
        "ID",
    )

    def write(self, folder: Path) -> None:
        write_csv(
            folder / "europolis_dqi_with_terciles.csv",
            self.HEADER,
            (
                *(7, 11, 2, 1, 4, "0.0", "1.0", "0.0", "[01:10] Ja, gern.", '[01:10] Yes, "gladly".\n', "de"),
                *('Yes, "gladly".', "0.0", 2.61, 2.44, "11#2#4#1#AB"),
            ),
            (
                *(9, 12, 2, 1, 5, "3.0", "3.0", "", "[02:00] Partageons.", "[02:00] Let us share.", "fr"),
                *("Let us share, as those who arrive have less and gain more.", "4.0", 3.2, 3.1, "12#2#5#1#CD"),
            ),
            delimiter="\t",
        )

    def test_codes_are_labels_of_the_translated_speech(self, beside: Path) -> None:
        self.write(beside)
        found = by_text(read_beside("europolis", beside))
        assert found['Yes, "gladly".'].labels == {
            "justification": 0,
            "common_good": 0,
            "respect": 1,
            "interactivity": 0,
        }
        sharing = found["Let us share, as those who arrive have less and gain more."]
        assert sharing.labels == {"justification": 4, "common_good": 3, "respect": 3}
        assert sharing.id == "12#2#5#1#CD"

    def test_what_a_model_predicted_is_no_label(self, beside: Path) -> None:
        self.write(beside)
        assert not {"cogency", "overall", "effectiveness", "reasonableness"} & set(card("europolis").labels)
        assert all(len(argument.labels) <= 4 for argument in read_beside("europolis", beside).arguments)


@needs_readers
class TestValnov:
    HEADER = ("topic", "Premise", "Conclusion", "Validity", "Validity-Confidence", "Novelty", "Novelty-Confidence")

    def write(self, folder: Path) -> None:
        premise = 'Night trains use less power, and "sleeping" there saves a hotel.'
        row = ("Night trains", premise, "Night trains save money.", 1, "majority", -1, "very confident")
        other = ("Night trains", premise, "Hotels will close.", -1, "very confident", 1, "confident")
        unsure = ("Night trains", premise, "Trains are better than hotels.", 0, "defeasible", 0, "defeasible")
        write_csv(folder / "TaskA_train.csv", self.HEADER, row, row, unsure)
        write_csv(folder / "TaskA_dev.csv", self.HEADER, other)
        write_csv(folder / "TaskA_test.csv", self.HEADER, row)

    def test_the_conclusion_is_judged_against_its_premise(self, beside: Path) -> None:
        self.write(beside)
        argument = by_text(read_beside("valnov", beside))["Hotels will close."]
        assert argument.labels == {"validity": -1, "novelty": 1}
        assert argument.issue == "Night trains"
        assert (argument.context or "").startswith("Night trains use less power")

    def test_undecided_rows_stand_in_the_middle(self, beside: Path) -> None:
        self.write(beside)
        unsure = by_text(read_beside("valnov", beside))["Trains are better than hotels."]
        assert unsure.labels == {"validity": 0, "novelty": 0}

    def test_rows_that_stand_there_twice_are_two(self, beside: Path) -> None:
        self.write(beside)
        ids = [argument.id for argument in read_beside("valnov", beside).arguments]
        assert len(ids) == len(set(ids)) == 5


@needs_readers
class TestSfuConstructive:
    def test_the_share_of_the_crowd_is_the_label(self, beside: Path) -> None:
        write_csv(
            beside / "C3_anonymized.csv",
            ("comment_text", "constructive", "constructive_binary"),
            ("The budget leaves out repairs; last year's report priced them at a third.", "0.9", "1.0"),
            ("Typical,\nas ever!", "0", "0.0"),
        )
        found = by_text(read_beside("sfu_constructive", beside))
        assert found["Typical,\nas ever!"].labels == {"constructive": 0}
        assert [argument.labels["constructive"] for argument in found.values()] == [0.9, 0]


@needs_readers
class TestAppropriateness:
    def header(self) -> list[str]:
        columns = [label.column or name for name, label in card("appropriateness").labels.items()]
        return ["post_id", "source_dataset", "issue", "post_text", *columns]

    def write(self, folder: Path) -> None:
        third, none = "0.3333333333333333", ["0.0"] * 14
        rude = ["1.0", "1.0", third, "1.0", *none[4:]]
        write_csv(
            folder / "appropriateness_corpus_mean.csv",
            self.header(),
            (0, 0, "Is chess a sport:", "It has rules, training and a world title, so it is.", *none),
            (1, 2, "Is chess a sport:", "Only a fool would ask that.", *rude),
        )

    def test_flaws_are_turned_round_so_that_more_is_better(self, beside: Path) -> None:
        self.write(beside)
        found = by_text(read_beside("appropriateness", beside))
        fine = found["It has rules, training and a world title, so it is."]
        rude = found["Only a fool would ask that."]
        assert set(fine.labels.values()) == {1}
        assert rude.labels["inappropriateness"] == 0
        assert rude.labels["excessive_intensity"] == pytest.approx(2 / 3)
        assert rude.labels["missing_commitment"] == 1

    def test_fourteen_labels_and_the_release_s_ids(self, beside: Path) -> None:
        self.write(beside)
        corpus = read_beside("appropriateness", beside)
        assert [argument.id for argument in corpus.arguments] == ["0", "1"]
        assert all(len(argument.labels) == 14 for argument in corpus.arguments)
        assert corpus.arguments[0].issue == "Is chess a sport:"
