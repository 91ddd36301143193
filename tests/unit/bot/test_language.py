"""The language of short sentences, as people write them."""

from pathlib import Path

import numpy as np
import pytest

from bot.adapters.language import LinguaDetector, NgramDetector, open_detector, train_detector
from bot.service.ports import LanguageDetector

NLU_DATA = Path("nlu/data")

SENTENCES = [
    ("en", "where can I get help"),
    ("en", "my child is sick"),
    ("fr", "où puis-je trouver de l'aide"),
    ("fr", "je veux rentrer chez moi"),
    ("es", "¿dónde puedo pedir ayuda?"),
    ("es", "quiero trabajar"),
    ("ar", "أين يمكنني طلب المساعدة"),
    ("ar", "اريد مساعدة"),
    ("pt", "onde posso pedir ajuda?"),
    ("pt", "não tenho documentos"),
    ("ru", "где я могу получить помощь"),
    ("uk", "де я можу отримати допомогу"),
    ("uk", "мій син хворий"),
    ("fa", "کجا می\u200cتوانم کمک بگیرم"),
    ("fa", "کمک می خواهم"),
    ("tr", "nereden yardım alabilirim"),
    ("tr", "çalışmak istiyorum"),
    ("sw", "ninaweza kupata msaada wapi"),
    ("sw", "nataka kwenda nyumbani"),
    ("so", "halkee ka heli karaa caawimaad"),
    ("so", "waxaan rabaa inaan shaqeeyo"),
    ("am", "እርዳታ የት ማግኘት እችላለሁ"),
    ("am", "ልጄ ታሟል"),
    ("am", "ሰላም ነው እንዴት ነህ"),
    ("ti", "ሓገዝ ኣበይ ክረክብ እኽእል"),
    ("ti", "እንታይ ክገብር"),
    ("ti", "ክኸይድ ይደሊ ኣሎኹ"),
]
OTHER_LETTERS = [
    ("ar", "kifash nqder ndir lwra9 dyali"),
    ("ar", "ana b7aja lmosa3ada law sama7t"),
    ("fa", "salam man komak mikham chikar konam"),
    ("ru", "privet kak poluchit vizu podskajite"),
    ("fr", "salam khoya comment je fais pour la carte de séjour"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> LanguageDetector:
    model = tmp_path_factory.mktemp("language") / "language.npz"
    assert "13 languages" in train_detector(NLU_DATA, model)
    return open_detector(model)


@pytest.fixture(scope="module", params=["trained", "lingua"])
def detector(request: pytest.FixtureRequest, trained: LanguageDetector) -> LanguageDetector:
    return trained if request.param == "trained" else LinguaDetector()


@pytest.mark.parametrize(("code", "text"), SENTENCES)
def test_a_short_sentence_is_recognised(detector: LanguageDetector, code: str, text: str) -> None:
    found, confidence = detector.detect(text)
    assert found == code
    assert 0 < confidence <= 1


@pytest.mark.parametrize(("code", "text"), OTHER_LETTERS)
def test_a_language_in_latin_letters_or_mixed_is_recognised(trained: LanguageDetector, code: str, text: str) -> None:
    assert trained.detect(text)[0] == code


def test_all_thirteen_languages_are_tried() -> None:
    assert len({code for code, _ in SENTENCES}) == 13


@pytest.mark.parametrize("text", ["", "hi", "ok", "12 34", "👍👍👍", "እሺ", "...", "لا", "да", "7 a 8 b", "\u0301\u0301\u0301"])
def test_fewer_than_three_letters_tell_nothing(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text) == (None, 0.0)


@pytest.mark.parametrize("text", ["MY CHILD IS SICK", "My child is sick!!!", "  my   child is sick "])
def test_capitals_and_signs_change_nothing(trained: LanguageDetector, text: str) -> None:
    assert trained.detect(text)[0] == "en"


def test_a_foreign_name_does_not_change_the_script(detector: LanguageDetector) -> None:
    assert detector.detect("UNHCR የት ነው ያለው")[0] == "am"
    assert detector.detect("please call Abebe አበበ for me")[0] == "en"


@pytest.mark.parametrize("text", ["እባክህ አክምልኝ", "የድንጋይ ክምር አለ", "ዘይት እፈልጋለሁ", "ኸረ እርዱኝ", "ሕክምና እፈልጋለሁ", "እኔ ከኤርትራ ነኝ", "አይደለም"])
def test_amharic_words_that_contain_a_tigrinya_syllable_are_amharic(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text)[0] == "am"


@pytest.mark.parametrize("text", ["ውላደይ ሓሚሙ", "ሓገዝ የድልየኒ", "ካብ ሱዳን መጺአ", "ሕክምና ይደሊ ኣሎኹ", "ኣነ ካብ ኤርትራ እየ"])
def test_tigrinya_without_its_listed_words_is_tigrinya(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text)[0] == "ti"


def test_what_is_learnt_is_kept_until_the_utterances_change(tmp_path: Path) -> None:
    for code, lines in {"en": ("where is the office", "i need help"), "fr": ("où est le bureau", "j'ai besoin d'aide")}.items():
        (tmp_path / "data" / code).mkdir(parents=True)
        (tmp_path / "data" / code / "ask.yml").write_text("nlu:\n" + "".join(f"      - {line}\n" for line in lines))
    model = tmp_path / "run" / "language.npz"
    assert train_detector(tmp_path / "data", model) == "4 utterances in 2 languages"
    assert train_detector(tmp_path / "data", model) == "4 utterances, up to date"
    with (tmp_path / "data/fr/ask.yml").open("a") as file:
        file.write("      - à l'aide\n")
    assert train_detector(tmp_path / "data", model) == "5 utterances in 2 languages"
    assert isinstance(open_detector(model), NgramDetector)
    with np.load(model) as arrays:
        assert arrays["weights"].dtype == np.float16


def test_without_utterances_lingua_serves(tmp_path: Path) -> None:
    assert "lingua" in train_detector(tmp_path / "nothing", tmp_path / "language.npz")
    assert isinstance(open_detector(tmp_path / "language.npz"), LinguaDetector)
