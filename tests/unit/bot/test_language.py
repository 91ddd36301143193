"""The language of short sentences, as people write them."""

import pytest

from bot.adapters.language import LinguaDetector

DETECTOR = LinguaDetector()

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


@pytest.mark.parametrize(("code", "text"), SENTENCES)
def test_a_short_sentence_is_recognised(code: str, text: str) -> None:
    found, confidence = DETECTOR.detect(text)
    assert found == code
    assert 0 < confidence <= 1


def test_all_thirteen_languages_are_tried() -> None:
    assert len({code for code, _ in SENTENCES}) == 13


@pytest.mark.parametrize("text", ["", "hi", "ok", "12 34", "👍👍👍", "እሺ", "...", "لا", "да", "7 a 8 b", "\u0301\u0301\u0301"])
def test_fewer_than_three_letters_tell_nothing(text: str) -> None:
    assert DETECTOR.detect(text) == (None, 0.0)


def test_a_foreign_name_does_not_change_the_script() -> None:
    assert DETECTOR.detect("UNHCR የት ነው ያለው")[0] == "am"
    assert DETECTOR.detect("please call Abebe አበበ for me")[0] == "en"


@pytest.mark.parametrize("text", ["እባክህ አክምልኝ", "የድንጋይ ክምር አለ", "ዘይት እፈልጋለሁ", "ኸረ እርዱኝ", "ሕክምና እፈልጋለሁ", "እኔ ከኤርትራ ነኝ", "አይደለም"])
def test_amharic_words_that_contain_a_tigrinya_syllable_are_amharic(text: str) -> None:
    assert DETECTOR.detect(text)[0] == "am"


@pytest.mark.parametrize("text", ["ውላደይ ሓሚሙ", "ሓገዝ የድልየኒ", "ካብ ሱዳን መጺአ", "ሕክምና ይደሊ ኣሎኹ", "ኣነ ካብ ኤርትራ እየ"])
def test_tigrinya_without_its_listed_words_is_tigrinya(text: str) -> None:
    assert DETECTOR.detect(text)[0] == "ti"
