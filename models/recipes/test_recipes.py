"""Tests of readers, splits, plans, decisions, the label table; of rounding with torch.  python -m pytest models/recipes"""

import csv
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

import decide
import discriminant
import identity
import individuals_card
import plans
import sources
import splits
import tails
import taxonomy
from sources import Example


def photo(path: Path, shade: int = 90, taken: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (32, 24), (shade, shade // 2, 40))
    exif = Image.Exif()
    if taken:
        exif.get_ifd(sources.EXIF)[sources.TAKEN] = taken
    image.save(path, exif=exif)
    return path


def table(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(k for r in rows for k in r)))
        writer.writeheader()
        writer.writerows(rows)


# ---- readers


def test_class_folders_give_labels_sites_and_sequences_by_time(tmp_path):
    photo(tmp_path / "Lynx lynx/ridge/IMG_1.jpg", 1, "2026:05:01 04:00:00")
    photo(tmp_path / "Lynx lynx/ridge/IMG_2.jpg", 2, "2026:05:01 04:00:30")
    photo(tmp_path / "Lynx lynx/ridge/IMG_3.jpg", 3, "2026:05:01 05:00:00")
    photo(tmp_path / "red_fox/IMG_9.jpg", 4)
    photo(tmp_path / "human/IMG_5.jpg", 5)
    (tmp_path / "red_fox/broken.jpg").write_bytes(b"no picture")
    found = sources.read(tmp_path)
    assert Counter(e.label for e in found.examples) == {"Lynx lynx": 3, "red fox": 1}
    by_name = {e.file.name: e for e in found.examples}
    assert by_name["IMG_1.jpg"].sequence == by_name["IMG_2.jpg"].sequence != by_name["IMG_3.jpg"].sequence
    assert by_name["IMG_1.jpg"].site == "ridge" and by_name["IMG_9.jpg"].site == "" == by_name["IMG_9.jpg"].sequence
    assert any("1 photos cannot be read" in n and "broken.jpg" in n for n in found.notes)
    assert any("1 pictures of people" in n for n in found.notes)


def test_camtrap_dp_gives_boxes_of_pictures_and_events_of_one_kind(tmp_path):
    for name in ("a", "b", "c", "d"):
        photo(tmp_path / f"m/{name}.jpg")
    table(tmp_path / "deployments.csv", [{"deploymentID": "d1", "locationID": "ridge"}])
    media = [("m1", "a", "04:00:00"), ("m2", "b", "04:00:01"), ("m3", "c", "05:00:00"), ("m4", "d", "06:00:00")]
    table(tmp_path / "media.csv", [
        {"mediaID": i, "deploymentID": "d1", "timestamp": f"2026-05-01T{t}Z", "filePath": f"m/{n}.jpg"} for i, n, t in media
    ] + [{"mediaID": "m9", "deploymentID": "d1", "timestamp": "2026-05-01T07:00:00Z", "filePath": "../../etc/passwd"}])  # fmt: skip
    common = {"deploymentID": "d1", "observationType": "animal"}
    box = {"bboxX": "0.25", "bboxY": "0.5", "bboxWidth": "0.5", "bboxHeight": "0.25"}
    event = {"observationLevel": "event", "mediaID": ""}
    table(tmp_path / "observations.csv", [
        {"observationID": "1", "eventID": "e1", "observationLevel": "media", "mediaID": "m1", "scientificName": "Lynx lynx", **common, **box},
        {"observationID": "2", "eventID": "e1", "scientificName": "Lynx lynx", "eventStart": "2026-05-01T04:00:00Z",
         "eventEnd": "2026-05-01T04:00:01Z", **common, **event},
        {"observationID": "3", "eventID": "e2", "scientificName": "Vulpes vulpes", "eventStart": "2026-05-01T05:00:00Z",
         "eventEnd": "2026-05-01T05:00:00Z", **common, **event},
        {"observationID": "4", "eventID": "e3", "observationLevel": "media", "mediaID": "m4", "deploymentID": "d1",
         "observationType": "human", "scientificName": "Homo sapiens"},
        {"observationID": "5", "eventID": "e3", "observationLevel": "media", "mediaID": "m4", "scientificName": "Canis lupus", **common},
        {"observationID": "6", "eventID": "e4", "observationLevel": "media", "mediaID": "m9", "scientificName": "Canis lupus", **common},
    ])  # fmt: skip
    found = sources.read(tmp_path)
    told = {(e.file.name, e.label, e.box, e.site) for e in found.examples}
    assert told == {
        ("a.jpg", "Lynx lynx", (0.25, 0.5, 0.5, 0.25), "ridge"),  # its event's row is not counted again
        ("c.jpg", "Vulpes vulpes", sources.WHOLE, "ridge"),
    }
    notes = " ".join(found.notes)
    assert "2 pictures of people" in notes, "the wolf beside a person as well"
    assert "1 pictures that the table names are not there" in notes, "nor is what lies outside the package read"


def test_what_is_no_set_of_photos_is_told(tmp_path):
    with pytest.raises(SystemExit, match="make one per class"):
        sources.read(tmp_path)
    with pytest.raises(SystemExit, match="neither a folder"):
        sources.read(tmp_path / "absent")
    table(tmp_path / "crops.csv", [{"filePath": "a.jpg", "class": "x"}])
    with pytest.raises(SystemExit, match="no column cropHeight"):
        sources.read(tmp_path)


# ---- splits


def made(count: int, label: str, site: str, sequence: str, folder: str = "x") -> list[Example]:
    return [
        Example(Path(f"/{folder}/{site}/{sequence}/{label}{i}.jpg"), label, sequence=sequence, site=site)
        for i in range(count)
    ]


def test_no_site_and_no_sequence_stands_in_two_parts():
    rng = np.random.default_rng(3)
    examples = []
    for s in range(30):
        for q in range(int(rng.integers(2, 9))):
            label = ["fox", "hare", "lynx"][int(rng.choice(3, p=[0.7, 0.25, 0.05]))]
            examples += made(3, label, f"s{s}", f"s{s}q{q}")
    done = splits.split(examples, 0.15, 0.2)
    assert done.by == "site" and not any("LEAK" in n for n in done.notes)
    assert sorted(i for inside in done.parts.values() for i in inside) == list(range(len(examples)))
    at = {p: {examples[i].site for i in inside} for p, inside in done.parts.items()}
    assert not at["train"] & at["test"] and not at["train"] & at["check"] and not at["check"] & at["test"]
    for label in ("fox", "hare"):
        everywhere = sum(e.label == label for e in examples)
        assert 0.45 < sum(examples[i].label == label for i in done.parts["train"]) / everywhere < 0.85
    assert any(examples[i].label == "lynx" for i in done.parts["train"])


def test_few_sites_are_parted_by_sequence_and_it_is_told():
    examples = [e for s in range(2) for q in range(20) for e in made(3, "fox", f"s{s}", f"s{s}q{q}")]
    done = splits.split(examples)
    assert done.by == "sequence" and any("at a new place it will do worse" in n for n in done.notes)
    at = {p: {examples[i].sequence for i in inside} for p, inside in done.parts.items()}
    assert not at["train"] & at["test"] and not at["train"] & at["check"]


def test_a_sequence_over_two_sites_keeps_them_together():
    examples = [e for s in range(8) for e in made(4, "fox", f"s{s}", f"q{s}")] + made(2, "fox", "s1", "q0")
    done = splits.split(examples)
    where = {examples[i].site: p for p, inside in done.parts.items() for i in inside}
    assert where["s0"] == where["s1"] and not any("LEAK" in n for n in done.notes)


def test_alike_names_stay_together_where_nothing_else_is_known():
    assert splits.similarity("visit_0412_frame_01", "visit_0412_frame_02") > splits.ALIKE
    assert splits.similarity("visit_0412_frame_01", "hare_in_snow") == 0.0
    names = [
        f"{word}_{k}"
        for word in ("morning_at_ridge", "evening_by_brook", "under_old_oak_tree", "snow_on_the_pass")
        for k in range(5)
    ]
    notes: list[str] = []
    groups = splits.grouped([Example(Path(f"/f/{n}.jpg"), "fox") for n in names], notes)
    assert [len(set(groups[i : i + 5])) for i in range(0, 20, 5)] == [1] * 4 and len(set(groups)) == 4
    assert "neither a sequence nor a time" in notes[0]


def test_a_card_of_running_numbers_is_cut_and_told():
    notes: list[str] = []
    groups = splits.grouped([Example(Path(f"/f/IMG_{i:04}.jpg"), "fox") for i in range(300)], notes)
    assert 10 < len(set(groups)) < 150 and any("may flatter" in n for n in notes)


def test_copies_of_a_file_stay_with_it(tmp_path):
    a, b, c = photo(tmp_path / "a.jpg"), photo(tmp_path / "else.jpg"), photo(tmp_path / "third.jpg", 200)
    notes: list[str] = []
    groups = splits.grouped([Example(f, "fox", sequence=f.name) for f in (a, b, c)], notes)
    assert groups[0] == groups[1] != groups[2] and "1 files have the bytes of another" in notes[0]


def test_a_leak_is_found():
    examples = made(2, "fox", "s1", "q1")
    assert "LEAK: 1 sequences" in splits.leaks(examples, {"train": [0], "check": [], "test": [1]}, "sequence")[0]


# ---- plans


TAIL = np.repeat([0, 1, 2], [1000, 200, 30])


def shown(plan: str, wrong=None) -> list[int]:
    order = plans.epoch(TAIL, plan, np.random.default_rng(1), wrong)
    return np.bincount(TAIL[order], minlength=3).tolist()


def test_an_epoch_is_as_its_plan_says():
    assert shown("plain") == [1000, 200, 30] == shown("weighted")
    assert shown("balanced") == [150, 150, 30], "five times the rarest at most"
    assert shown("oversample") == [1000, 1000, 1000]
    again = shown("emphasis", np.where(TAIL == 2, 2, 0))
    assert again[:2] == [1000, 200] and 30 < again[2] <= 60
    order = plans.epoch(TAIL, "oversample", np.random.default_rng(1))
    times = np.bincount(order, minlength=len(TAIL))[TAIL == 2]
    assert times.min() == 33 and times.max() == 34, "each as often as the others"
    with pytest.raises(SystemExit, match="allowed: plain"):
        plans.epoch(TAIL, "magic", np.random.default_rng(1))


def test_another_epoch_takes_others_of_the_common():
    rng = np.random.default_rng(1)
    a, b = (set(plans.epoch(TAIL, "balanced", rng)) for _ in range(2))
    assert a != b and set(np.flatnonzero(TAIL == 2)) <= a & b


def test_rare_classes_weigh_more_and_the_mean_stays_one():
    weights = plans.weights(TAIL, 3, "weighted")
    assert weights[1] / weights[0] == pytest.approx(5.0) and weights[2] / weights[0] == pytest.approx(20.0), (
        "at most 20"
    )
    assert weights[TAIL].mean() == pytest.approx(1.0)
    assert plans.weights(TAIL, 3, "balanced").tolist() == [1.0] * 3


def test_misses_tell_first_from_five_best():
    logits = np.array([[9, 8, 7, 6, 5, 4], [9, 8, 7, 6, 5, 4], [9, 8, 7, 6, 5, 4.0]])
    assert plans.misses(logits, np.array([0, 4, 5])).tolist() == [0, 1, 2]


# ---- decisions


def drawn(count: int, sharp: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose true temperature is `sharp`: labels are drawn from the softmax of logits / sharp."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, 5))
    p = decide.softmax(logits, sharp)
    return logits, (p.cumsum(1) > rng.random((count, 1))).argmax(1)


def test_the_temperature_that_made_the_labels_is_found():
    for sharp in (0.7, 1.0, 2.5):
        logits, labels = drawn(6_000, sharp)
        found = decide.temperature(logits, labels)
        assert found == pytest.approx(sharp, rel=0.06)
        grid = [decide.nll(logits, labels, t) for t in np.exp(np.arange(-2, 2, 0.05))]
        assert decide.nll(logits, labels, found) <= min(grid) + 1e-6


def test_the_curve_ends_with_all_answered():
    logits, labels = drawn(500, 1.0)
    coverage, accuracy = decide.curve(decide.softmax(logits), labels)
    assert coverage[-1] == 1.0 and accuracy[-1] == pytest.approx((logits.argmax(1) == labels).mean())
    assert accuracy[len(accuracy) // 5] > accuracy[-1]


def test_wilson_s_bound_is_that_of_the_books():
    # Newcombe 1998, table I: 81 of 263, 95 % two-sided: 0.2553 to 0.3662; 0 of 20: 0 to 0.1611.
    assert decide.bound(81, 263, 1.96) == pytest.approx(0.2553, abs=1e-4)
    assert 1 - decide.bound(20, 20, 1.96) == pytest.approx(0.1611, abs=1e-4)
    assert decide.bound(0, 0) == 0.0


def test_thresholds_keep_their_promise_and_tell_small_samples():
    logits, labels = drawn(20_000, 1.0)
    p = decide.softmax(logits)
    for found in decide.thresholds(p, labels, 0.9):
        above = (p.argmax(1) == found.label) & (p.max(1) >= found.score)
        assert (
            found.sure
            and found.at_least >= 0.9
            and (labels[above] == found.label).mean() == pytest.approx(found.precision)
        )
        assert found.answers == above.sum()
        fresh, truth = drawn(20_000, 1.0, seed=2)
        q = decide.softmax(fresh)
        above = (q.argmax(1) == found.label) & (q.max(1) >= found.score)
        assert (truth[above] == found.label).mean() > 0.88, "on others as well"
    few = decide.thresholds(p[:60], labels[:60], 0.9)
    assert not any(t.sure for t in few) and any(t.score is not None for t in few)
    none = decide.thresholds(p[:3], labels[:3], 0.9)
    assert all(t.score is None for t in none), "three answers prove nothing"


def test_means_are_over_a_sequence_and_kind():
    logits = np.array([[2.0, 0], [4, 0], [0, 1], [0, 3]])
    mean, labels = decide.means(logits, np.array([0, 0, 1, 1]), np.array([7, 7, 7, 8]))
    assert mean.tolist() == [[3, 0], [0, 1], [0, 3]] and labels.tolist() == [0, 1, 1]


# ---- the label table


def test_names_are_looked_up_and_the_unknown_refused(tmp_path):
    rows = taxonomy.table(
        ["red fox", "Lynx pardinus", "blank", "Canidae"],
        [Example(Path("a"), "Canidae", rank="family", english="dogs")],
        [],
    )
    assert [r["scientific"] for r in rows] == ["Vulpes vulpes", "Lynx pardinus", "", "Canidae"]
    assert rows[0]["family"] == "Canidae" and rows[1]["genus"] == "Lynx" and rows[3]["family"] == "Canidae"
    with pytest.raises(SystemExit, match="no scientific name is known for: wolpertinger"):
        taxonomy.table(["wolpertinger"], [], [])
    own = tmp_path / "own.csv"
    taxonomy.write(
        [
            dict(
                zip(
                    taxonomy.COLUMNS,
                    ("wolpertinger", "Lepus cornutus", "species", "wolpertinger", "Lepus", "", "", ""),
                    strict=True,
                )
            )
        ],
        own,
    )
    assert taxonomy.table(["wolpertinger"], [], [own])[0]["scientific"] == "Lepus cornutus"


# ---- individuals


def met(species: str, individual: int, flank: str, encounter: int, embedding: list[float]) -> dict:
    return {
        "species": species,
        "individual": individual,
        "flank": flank,
        "encounter": encounter,
        "infrared": False,
        "embedding": identity.unit(np.array(embedding, float)),
    }


def test_a_question_is_compared_with_the_same_species_and_flank():
    entries = [
        met("lynx", 1, "left", 0, [1, 0]),
        met("lynx", 2, "right", 1, [0, 1]),
        met("jaguar", 3, "left", 2, [0, 1]),
    ]
    question = met("lynx", 1, "left", 9, [0, 1])
    assert identity.compared(question, entries, True)[1].tolist() == [1]
    similarities, whose = identity.compared(question, entries, False)
    assert (whose.tolist(), similarities.tolist()) == ([1, 2], [0.0, 1.0])
    assert identity.best_of(similarities, whose) == (1.0, 2)


def test_precision_and_auroc_as_by_hand():
    # The right ones come first and third of four: (1/1 + 2/3) / 2.
    precision = identity.average_precision(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]))
    assert precision == pytest.approx((1 + 2 / 3) / 2)
    # Of the six pairs 0.9 wins three, 0.5 wins one, ties one and loses one.
    assert identity.auroc(np.array([0.9, 0.5]), np.array([0.4, 0.5, 0.8])) == pytest.approx(4.5 / 6)


def test_half_of_the_individuals_are_enrolled_and_no_encounter_is_asked_that_was():
    rows = [
        {"species": "lynx", "individual": i, "flank": flank, "encounter": e, "infrared": False}
        for e, (i, flank, _) in enumerate((i, f, k) for i in range(4) for f in ("left", "right") for k in range(3))
        for _ in range(2)
    ]
    entries, questions = identity.split(identity.encounters(rows, np.random.default_rng(1).normal(size=(len(rows), 8))))
    assert {e["individual"] for e in entries} == {0, 2} and len(entries) == 2 * 2 * 2
    assert not {e["encounter"] for e in entries} & {q["encounter"] for q in questions}
    assert {q["individual"]: q["known"] for q in questions} == {0: True, 1: False, 2: True, 3: False}


def test_a_perfect_and_a_blind_network_measure_so():
    rows, embeddings, rng = [], [], np.random.default_rng(7)
    for encounter in range(20 * 2 * 4):
        individual, flank = encounter % 20, ("left", "right")[encounter // 20 % 2]
        for _ in range(2):
            rows.append(
                {"species": "lynx", "individual": individual, "flank": flank, "encounter": encounter, "infrared": 0}
            )
            embeddings.append(np.eye(40)[individual * 2 + encounter // 20 % 2])
    sure = identity.measure(rows, np.array(embeddings))["flank known"]["all"]
    assert (sure["rank1"], sure["map"], sure["auroc"], sure["chance"]) == (1.0, 1.0, 1.0, pytest.approx(0.1))
    blind = identity.measure(rows, rng.normal(size=(len(rows), 64)))["flank known"]["all"]
    assert blind["rank1"] < 0.4 and 0.3 < blind["auroc"] < 0.7


def test_the_curve_finds_the_one_that_the_answers_were_drawn_from():
    rng = np.random.default_rng(3)
    similarity = rng.uniform(-0.2, 1.0, 20000)
    same = (rng.random(20000) < 1 / (1 + np.exp(-(15 * similarity - 8)))).astype(float)
    slope, intercept = identity.fit(similarity, same)
    assert slope == pytest.approx(15, rel=0.05) and intercept == pytest.approx(-8, rel=0.05)


def test_thresholds_keep_the_wanted_share_right():
    probability = np.array([0.99, 0.95, 0.9, 0.8, 0.3, 0.2, 0.1])
    right = np.array([True, True, True, False, False, False, False])
    known = np.array([True, True, True, True, True, False, False])
    assert identity.thresholds(probability, right, known, 1.0, 1) == (0.9, 0.2)
    assert identity.thresholds(probability, right, known, 0.75, 1) == (0.8, 0.2)
    # Three right answers are too few to promise anything by: nobody is told, as somebody or as new.
    assert identity.thresholds(probability, right, known, 0.95) == (1.0, 0.0)


def test_a_network_that_knows_nobody_decides_nothing():
    rng = np.random.default_rng(11)
    rows = [
        {
            "species": "lynx",
            "individual": e % 20,
            "flank": ("left", "right")[e // 20 % 2],
            "encounter": e,
            "infrared": 0,
        }
        for e in range(20 * 2 * 4)
    ]
    blind = identity.calibrate(rows, rng.normal(size=(len(rows), 64)))
    assert not identity.decides(blind)
    eyes = np.array([np.eye(40)[r["individual"] * 2 + (r["flank"] == "left")] for r in rows])
    assert identity.decides(identity.calibrate(rows, eyes + rng.normal(scale=0.02, size=eyes.shape)))


def test_the_discriminant_weighs_what_is_steady_and_leaves_the_species_out():
    rng = np.random.default_rng(5)
    # Of twelve numbers six are an individual's own, four are chance and loud, two tell nothing but the species.
    own, crops = rng.normal(size=(200, 6)), np.repeat(np.arange(200), 8)
    loud, kind = rng.normal(scale=6.0, size=(1600, 4)), crops % 2
    x = np.concatenate([own[crops] + rng.normal(scale=0.3, size=(1600, 6)), loud, 9.0 * np.eye(2)[kind]], 1)
    half = crops < 150
    matrix, add = discriminant.fit(x[half], crops[half], kind[half], 6)
    assert (matrix.shape, add.shape) == ((6, 12), (6,))

    def right(y: np.ndarray) -> float:
        y = identity.unit(y[~half])
        alike = y @ y.T - 2 * np.eye(len(y))
        return float((crops[~half][alike.argmax(1)] == crops[~half]).mean())

    assert right(x @ matrix.T + add) > 0.8
    assert right(x - x.mean(0)) < 0.2
    apart = x[half & (kind == 0)].mean(0) - x[half & (kind == 1)].mean(0)
    assert np.abs(apart @ matrix.T).max() < 1e-3, "the species moves nobody"


def test_the_card_says_first_where_an_embedder_is_no_better_than_chance():
    def told(rank1: float) -> str:
        return individuals_card.verdict(
            {"measured": {"flank known": {"all": {"rank1": rank1, "known": 100, "chance": 0.1}}}}
        )

    # Wilson's lower bound of 14 of 100 is 0.085, of 20 of 100 0.133 (Newcombe 1998, by his formula).
    assert "Not shown to be better than chance" in told(0.14)
    assert told(0.20) == ""
    assert "[individuals]" not in individuals_card.individuals_section(
        {"slope": 4.0, "intercept": -5.0, "known": 1.0, "new": 0.0}
    )
    assert "slope = 4.0000" in individuals_card.individuals_section(
        {"slope": 4.0, "intercept": -5.0, "known": 0.8, "new": 0.1}
    )


# ---- long tails, transfer


def herd(counts: dict[str, int], together: int = 3) -> list[Example]:
    return [
        Example(Path(f"/w/{label}{i}.jpg"), label, sequence=f"{label}-{i // together}", site=f"s{i % 7}")
        for label, n in counts.items()
        for i in range(n)
    ]


def test_the_other_species_are_none_of_the_tail():
    counts = {"boar": 90, "deer": 80, "fox": 70, "hare": 60, "lynx": 50, "bear": 40}
    order, others = tails.parted_species(herd(counts), True)
    assert order == ["boar", "fox", "lynx"] and others == ["deer", "hare", "bear"]
    kept = tails.tail(herd(counts), order, 60, 6, seed=1)
    assert {e.label for e in kept}.isdisjoint(others)
    assert tails.parted_species(herd(counts), False) == (list(counts), [])


def test_a_tail_falls_in_equal_ratios_by_whole_bursts():
    # From 1000 to 10 in four steps: each a fourth root of 100, 3.1623, rarer than the one before.
    assert tails.wanted(1000, 10, 5) == [1000, 316, 100, 32, 10]
    examples = herd({"boar": 120, "fox": 90, "hare": 30})
    kept = tails.tail(examples, ["boar", "fox", "hare"], 100, 9, seed=1)
    assert Counter(e.label for e in kept) == {"boar": 100, "fox": 30, "hare": 9}
    whole = Counter(e.sequence for e in kept)
    assert sum(n != 3 for n in whole.values()) == 1, "100 is no multiple of three: the boars' last burst alone is cut"
    assert kept != tails.tail(examples, ["boar", "fox", "hare"], 100, 9, seed=2)
    short = tails.tail(examples, ["boar", "fox", "hare"], 400, 9, seed=1)
    assert Counter(e.label for e in short)["boar"] == 120, "no more than there are"


def test_thirds_have_every_class_once():
    for classes in (3, 6, 7, 12):
        parts = tails.thirds(classes)
        inside = [k for where in parts.values() for k in range(classes)[where]]
        assert sorted(inside) == list(range(classes))
        assert 0 in range(classes)[parts["commonest"]] and classes - 1 in range(classes)[parts["rarest"]]


# ---- quantisation-aware training (with torch)


def rough(torch, classes: int):
    """The small network with batch norms that do something."""
    import classifier

    torch.manual_seed(4)
    network = classifier.Classifier(classes)
    with torch.no_grad():
        for norm in [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]:
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.3, 2.0)
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.2)
    return network.eval()


def exported(torch, network, file: Path, size: int) -> None:
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, size, size),),
        str(file),
        dynamo=False,
        opset_version=17,
        input_names=["images"],
        output_names=["logits"],
    )


def test_weights_are_rounded_in_training_as_in_the_written_file(tmp_path):
    torch = pytest.importorskip("torch")
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import qat
    import quantize

    network, x = rough(torch, 6), torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    before = network(x).detach()
    rounding = qat.Rounding(network, 48, in_bytes=False)
    # Some training: the weights leave the places that they were first rounded at.
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.05)
    network.train()
    for norm in [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]:
        norm.eval()
    for _ in range(3):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x), torch.tensor([1, 4])).backward()
        optimiser.step()
    network.eval()
    for layer in rounding.layers:
        layer.parametrizations.weight[0].scale.copy_(qat.scales(layer.parametrizations.weight.original))
    shown = [layer.weight.detach().numpy().copy() for layer in rounding.layers]
    said = network(x).detach()
    rounding.settle()
    assert torch.equal(network(x), said) and not torch.allclose(said, before, atol=1e-3)

    exported(torch, network, tmp_path / "f32.onnx", 48)
    quantize.weights(tmp_path / "f32.onnx", tmp_path / "int8.onnx")
    # Read back by the operator's definition: (whole - zero) * scale, a scale per output channel, which is axis 0 here.
    model = onnx.load(tmp_path / "int8.onnx")
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    back = []
    for node in [n for n in model.graph.node if n.op_type == "DequantizeLinear"]:
        whole, scale, zero = (stored[name] for name in node.input)
        assert whole.dtype == np.int8 and not zero.any()
        back.append(whole.astype(np.float32) * scale.reshape([-1] + [1] * (whole.ndim - 1)))
    assert len(back) == len(shown) == 15, "14 of 15 convolutions and the last layer; the first has 648 weights"
    for mine, its in zip(shown, back, strict=True):
        np.testing.assert_allclose(its, mine, rtol=1e-6, atol=1e-9)


def test_rounding_passes_the_gradient_straight_through_and_folds_exactly():
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    import qat

    x = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    network = rough(torch, 6)
    before = network(x).detach()
    qat.fold(network, 48)
    torch.testing.assert_close(network(x).detach(), before, rtol=1e-5, atol=1e-5)
    rounding = qat.Rounding(network, 48, in_bytes=True)
    assert len(rounding.layers) == 16, "in bytes the first layer as well"
    layer = torch.nn.Linear(4, 300, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1.0, 1.0, 1200).view(300, 4))
    rounded = qat.Rounded(layer.weight)
    weight = layer.weight.detach().clone().requires_grad_(True)
    rounded(weight).sum().backward()
    inside = weight.detach().abs() <= 127.5 * rounded.scale[:, None]
    assert inside.float().mean() > 0.5 and torch.equal(weight.grad, inside.float())


def test_activations_are_rounded_to_unsigned_bytes_of_what_was_seen():
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    import qat

    rounding = qat.moved(qat.activation(), torch.zeros(1), True)
    x = torch.linspace(-0.5, 2.05, 1000)
    seen = rounding(x)
    # 255 steps between -0.5 and 2.05 are 0.01 wide, with zero among them (50 of them below).
    assert len(seen.unique()) == 256
    np.testing.assert_allclose(seen.numpy(), np.round(x.numpy() / 0.01) * 0.01, atol=0.0051)
    still = qat.moved(rounding, x, False)
    assert float(still(torch.tensor([9.0]))) == pytest.approx(2.05, abs=1e-5), "not seen in training: cut off"
