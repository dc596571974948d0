"""Scripts: distinct actors, the association that the bias sets, one right answer a question."""

import itertools

import numpy as np
import pytest

from base.errors import UserError
from base.settings import parse
from extract.demo.questions import PHRASINGS, TYPES, VOCABULARY, Question, ask
from extract.demo.scenes import ACTION_OF, ACTIONS, BACKGROUND_OF, BACKGROUNDS, Scene, Script, write_script
from extract.demo.settings import SPLITS, DemoSettings

SETTINGS = DemoSettings()


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return [write_script(SETTINGS, "train", index) for index in range(600)]


@pytest.fixture(scope="module")
def shifted() -> list[Script]:
    return [write_script(SETTINGS, "test-shifted", index) for index in range(600)]


def test_scenes_follow_each_other_and_have_the_lengths_asked_for(scripts: list[Script]) -> None:
    shortest, longest = SETTINGS.scene_seconds
    for script in scripts:
        assert script.scenes[0].first == 0
        assert all(before.stop == after.first for before, after in itertools.pairwise(script.scenes))
        assert SETTINGS.scenes[0] <= len(script.scenes) <= SETTINGS.scenes[1]
        assert len(script.scenes) - len(script.acted) <= SETTINGS.empty_scenes[1]
        for scene in script.scenes:
            assert shortest - 0.05 <= (scene.stop - scene.first) / script.fps <= longest + 0.05


def test_colours_shapes_and_actions_are_distinct_within_a_video(scripts: list[Script]) -> None:
    for script in scripts:
        for of in (lambda s: s.actor.colour, lambda s: s.actor.shape, lambda s: s.action):
            named = [of(scene) for scene in script.acted]
            assert len(named) == len(set(named)) >= 1


@pytest.mark.parametrize("bias", [0.0, 0.5, 0.8, 1.0])
def test_the_bias_is_how_often_the_usual_background_is_forced(bias: float) -> None:
    settings = DemoSettings(bias=bias)
    acted = [scene for i in range(500) for scene in write_script(settings, "train", i).acted]
    usual = np.mean([scene.background == BACKGROUND_OF[scene.action or ""] for scene in acted])
    assert usual == pytest.approx(bias + (1 - bias) / len(BACKGROUNDS), abs=0.03)


def test_shifted_videos_break_the_association_and_keep_the_marginals(
    scripts: list[Script], shifted: list[Script]
) -> None:
    acted = [scene for script in shifted for scene in script.acted]
    assert np.mean([scene.background == BACKGROUND_OF[scene.action or ""] for scene in acted]) == pytest.approx(
        1 / 6, abs=0.03
    )
    for of_split in (scripts, shifted):
        scenes = [scene for script in of_split for scene in script.scenes]
        for background in BACKGROUNDS:
            assert np.mean([scene.background == background for scene in scenes]) == pytest.approx(1 / 6, abs=0.03)
        actions = [scene.action for scene in scenes if scene.action]
        for action in ACTIONS:
            assert actions.count(action) / len(actions) == pytest.approx(1 / 6, abs=0.03)


def test_an_empty_scene_passes_for_its_neighbour() -> None:
    settings = DemoSettings(bias=1.0, empty_scenes=(1, 1))
    for index in range(50):
        scenes = write_script(settings, "train", index).scenes
        place = next(i for i, scene in enumerate(scenes) if scene.actor is None)
        beside = {scenes[i].background for i in (place - 1, place + 1) if 0 <= i < len(scenes)}
        assert scenes[place].background in beside


@pytest.mark.parametrize("bias", [0.0, 0.7, 1.0])
def test_an_environment_elsewhere_tells_the_action_that_is_asked_for(bias: float) -> None:
    settings = DemoSettings(environment="other-scene", bias=bias, scenes=(4, 4), empty_scenes=(2, 2))
    for split, expected in (("train", bias), ("test-shifted", 0.0)):
        scripts = [write_script(settings, split, i) for i in range(500)]
        told, beside = [], []
        for index, script in enumerate(scripts):
            assert script.asked in script.acted and len(script.acted) == 2
            place = BACKGROUND_OF[script.asked.action]
            told += [scene.background == place for scene in script.scenes if scene.actor is None]
            beside += [scene.background == BACKGROUND_OF[scene.action] for scene in script.acted]
            asked = [question.scenes for question in ask(script, 0, index, 20) if question.type == "action"]
            assert asked == [(script.asked,)]
        assert np.mean(told) == pytest.approx(expected + (1 - expected) / 6, abs=0.04)
        assert np.mean(beside) == pytest.approx(1 / 6, abs=0.04)


def test_scripts_of_different_bias_differ_in_backgrounds_alone() -> None:
    def bare(bias: float) -> list[tuple[Scene, ...]]:
        return [
            tuple((s.first, s.stop, s.actor, s.action) for s in write_script(DemoSettings(bias=bias), "val", i).scenes)
            for i in range(20)
        ]

    assert bare(0.0) == bare(1.0)


def test_other_seeds_and_splits_give_other_videos() -> None:
    drawn = {write_script(DemoSettings(seed=seed), split, 0).scenes for seed in range(3) for split in SPLITS}
    assert len(drawn) == 3 * len(SPLITS)


def test_every_question_has_exactly_one_right_answer(scripts: list[Script]) -> None:
    for index, script in enumerate(scripts[:300]):
        questions = ask(script, 0, index, 20)
        assert len({(question.type, question.scenes) for question in questions}) == len(questions)
        for question in questions:
            assert _answers_by_hand(script, question) == {question.answer}
            assert question.candidates[question.right] == question.answer
            assert len(set(question.candidates)) == 5
            assert set(question.candidates) <= set(VOCABULARY[question.type])
            assert " " not in question.answer


def test_distractors_come_from_the_same_video_first(scripts: list[Script]) -> None:
    for index, script in enumerate(scripts[:100]):
        for question in ask(script, 0, index, 20):
            if question.type in ("action", "after", "before"):
                shown = {scene.action for scene in script.acted}
                assert shown <= set(question.candidates)


def test_gold_is_the_scenes_that_the_question_is_about(scripts: list[Script]) -> None:
    for index, script in enumerate(scripts[:100]):
        for question in ask(script, 0, index, 20):
            assert len(question.scenes) == (2 if question.type in ("after", "before") else 1)
            assert all(scene.actor for scene in question.scenes)
            for (start, end), scene in zip(question.seconds, question.scenes, strict=True):
                assert 0 <= start < end <= script.duration
                assert start == pytest.approx(scene.first / script.fps, abs=1e-3)
                assert end == pytest.approx(scene.stop / script.fps, abs=1e-3)


def test_types_are_balanced_and_the_right_position_is_uniform(scripts: list[Script]) -> None:
    questions = [question for index, script in enumerate(scripts) for question in ask(script, 0, index, 6)]
    for kind in TYPES:
        # A video of one or two actors has fewer neighbours to ask for than actors.
        assert np.mean([question.type == kind for question in questions]) == pytest.approx(0.2, abs=0.05)
    for position in range(5):
        assert np.mean([question.right == position for question in questions]) == pytest.approx(0.2, abs=0.025)
    for script, index in zip(scripts[:50], range(50), strict=True):
        if len(script.acted) < 3:
            continue
        counts = [[question.type for question in ask(script, 0, index, 6)].count(kind) for kind in TYPES]
        assert max(counts) - min(counts) <= 1


def test_every_phrasing_is_used(scripts: list[Script]) -> None:
    texts = {question.text for index, script in enumerate(scripts) for question in ask(script, 0, index, 6)}
    for phrasing in itertools.chain(*PHRASINGS.values()):
        begins = phrasing.split("{")[0]
        assert any(text.startswith(begins) for text in texts)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="at least one scene"):
        parse(DemoSettings, {"scenes": [2, 4], "empty_scenes": [1, 2]}, "demo")
    with pytest.raises(UserError, match="empty scene in every video"):
        parse(DemoSettings, {"environment": "other-scene"}, "demo")
    with pytest.raises(UserError, match="five shapes"):
        parse(DemoSettings, {"scenes": [6, 7]}, "demo")
    with pytest.raises(UserError, match="did you mean `noise`"):
        parse(DemoSettings, {"noize": 0.1}, "demo")


def test_every_background_has_its_action() -> None:
    assert {BACKGROUND_OF[action] for action in ACTIONS} == set(BACKGROUNDS)
    assert all(ACTION_OF[BACKGROUND_OF[action]] == action for action in ACTIONS)


def _answers_by_hand(script: Script, question: Question) -> set[str]:
    """All answers that the script allows for the question's words, found by reading them anew."""
    words = set(question.text.split())
    acted = [(str(s.actor), s.actor.colour, s.actor.shape, s.action or "") for s in script.scenes if s.actor]
    if question.type in ("colour", "shape"):
        stems = {
            "slid": "slide",
            "bounc": "bounce",
            "orbit": "orbit",
            "puls": "pulse",
            "shak": "shake",
            "blink": "blink",
        }
        action = next(name for stem, name in stems.items() if any(word.startswith(stem) for word in words))
        return {colour if question.type == "colour" else shape for _, colour, shape, does in acted if does == action}
    offset = {"action": 0, "after": 1, "before": -1}[question.type]
    named = [i for i, (actor, *_) in enumerate(acted) if actor in question.text]
    assert len(named) == 1
    assert 0 <= named[0] + offset < len(acted)
    return {acted[named[0] + offset][3]}
