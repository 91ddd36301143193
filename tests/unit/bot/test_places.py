"""Countries are found in thirteen languages, and ordinary words are not taken for one."""

import pytest

from bot.adapters.places import LANGUAGES, CldrCountries

COUNTRIES = CldrCountries()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Germany", "DE"), ("Allemagne", "DE"), ("Alemania", "DE"), ("Alemanha", "DE"), ("Almanya", "DE"), ("Ujerumani", "DE"),
        ("Германия", "DE"), ("Німеччина", "DE"), ("آلمان", "DE"), ("ጀርመን", "DE"), ("ألمانيا", "DE"), ("المانيا", "DE"),
        ("بألمانيا", "DE"), ("لألمانيا", "DE"), ("وألمانيا", "DE"), ("أنا في المانيا الآن", "DE"), ("بفرنسا", "FR"),
        ("باليمن", "YE"),
        ("بلبنان", "LB"), ("الأردن", "JO"), ("الاردن", "JO"), ("ليبيا", "LY"), ("من السودان", "SD"), ("بنما", "PA"),
        ("Türkiye", "TR"), ("turkiye", "TR"), ("Türkiye'de", "TR"), ("Turquie", "TR"), ("تركيا", "TR"),
        ("usa", "US"), ("USA", "US"), ("U.S.A.", "US"), ("Estados Unidos", "US"), ("الولايات المتحدة", "US"),
        ("UK", "GB"), ("United Kingdom", "GB"), ("England", "GB"), ("UAE", "AE"), ("Holland", "NL"),
        ("I am from Iran", "IR"), ("Irán", "IR"), ("ایران", "IR"), ("Perú", "PE"), ("PERÚ", "PE"), ("Côte d'Ivoire", "CI"),
        ("South Sudan", "SS"), ("Soudan du Sud", "SS"), ("Sudan", "SD"), ("ኤርትራ", "ER"), ("ኢትዮጵያ", "ET"), ("Soomaaliya", "SO"),
        ("je suis en Libye depuis un an", "LY"), ("estoy en México", "MX"), ("Україна", "UA"), ("Afganistán", "AF"),
        ("from Syria to Greece", "SY"),
    ],
)  # fmt: skip
def test_a_country_is_found_in_any_language_and_spelling(text: str, code: str) -> None:
    assert COUNTRIES.find(text) == code


ORDINARY = """
family reunion with my wife
la réunion de famille est refusée
la reunión familiar
I want to go home
I need help with my papers
can I work here
where is the nearest office
they took my passport and they hurt us
us and them
I am afraid of my boss
take it to go
the man is ill
je veux partir
je veux rester ici avec ma famille
mon mari ne répond pas
comment demander l'asile
j'ai faim et froid
les îles sont loin
quiero trabajar
necesito ayuda por favor
mi hijo está enfermo
me quitaron el pasaporte
no tengo papeles para mi hija
ماذا افعل
أريد العودة إلى بيتي
أين المكتب
كيف اطلب اللجوء
ليس لدي اوراق
زوجي في السجن
بدي اشتغل
وين اروح
عمي وابني هنا
quero trabalhar
preciso de ajuda
eu quero voltar para casa
я хочу домой
мне нужна помощь
что мне делать
дети ещё малы
мій син хворий
я хочу працювати
می خواهم به خانه برگردم
چه کار کنم
کمک می خواهم
ne yapabilirim
çalışmak istiyorum
yardım edin lütfen
nataka kwenda nyumbani
mtoto wangu ni mgonjwa
kaa chini hapa
waxaan rabaa inaan shaqeeyo
wiilkaygu waa bukaa
መሄድ እፈልጋለሁ
እርዳታ እፈልጋለሁ
ክኸይድ ይደሊ
እንታይ ክገብር
""".strip().splitlines()


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_sentence_names_no_country(text: str) -> None:
    assert COUNTRIES.find(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "il a lancé une grenade",
        "кроме того, у меня нет денег",
        "я того не знаю",
        "цього і того дня",
        "mali yangu imeibiwa",
        "nina mali kidogo",
        "مالي حدا هون",
        "انا مالي شغل",
        "a jersey for my son",
        "no me gusta el chile",
        "comemos peru no natal",
        "una mujer india me ayudó",
        "ma soeur Dominique est malade",
        "a turkey sandwich",
        "una mujer siria y su hijo",
        "ми мали двох дітей",
        "малі діти",
        "mali yardım istiyorum",
        "کمک مالی می خواهم",
        "جدة مريضة",
        "I grew up in Latin America",
    ],
)
def test_an_ordinary_word_that_is_a_country_elsewhere_names_no_country(text: str) -> None:
    assert COUNTRIES.find(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Turkey", "TR"), ("Palestine", "PS"), ("فلسطين", "PS"), ("Myanmar", "MM"), ("DRC", "CD"), ("Ivory Coast", "CI"),
        ("America", "US"), ("Czech Republic", "CZ"), ("سورية", "SY"), ("للسودان", "SD"), ("в Германии", "DE"),
        ("Great Britain", "GB"), ("Burma", "MM"), ("Congo", "CD"), ("Congo-Brazzaville", "CG"), ("EE.UU.", "US"),
        ("у Польщі", "PL"), ("в Украине", "UA"), ("в Сирии", "SY"), ("из Ирана", "IR"), ("в Египте", "EG"),
        ("almanyada", "DE"), ("Almanya'ya", "DE"), ("türkiyedeyim", "TR"), ("irandan geldim", "IR"),
        ("በሊቢያ ነኝ", "LY"), ("کابل", "AF"),
    ],
)  # fmt: skip
def test_everyday_names_are_found_too(text: str, code: str) -> None:
    assert COUNTRIES.find(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I live in turkey", "TR"), ("turkey", "TR"), ("we crossed Turkey on foot", "TR"), ("estoy en siria", "SY"),
        ("je viens du mali", "ML"), ("أنا في مالي", "ML"), ("soy de chile", "CL"), ("vivo en la India", "IN"),
    ],
)  # fmt: skip
def test_an_ambiguous_name_counts_where_it_can_only_be_a_country(text: str, code: str) -> None:
    assert COUNTRIES.find(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("we are stuck in Tripoli", "LY"), ("Agadez", "NE"), ("أنا في إسطنبول", "TR"), ("İzmir'deyim", "TR"), ("القاهرة", "EG"),
        ("à Athènes", "GR"), ("Cúcuta", "CO"), ("Lima, Perú", "PE"), ("в Стамбуле", "TR"), ("в Киеве", "UA"), ("አዲስ አበባ", "ET"),
    ],
)  # fmt: skip
def test_a_city_of_the_routes_names_its_country(text: str, code: str) -> None:
    assert COUNTRIES.find(text) == code


@pytest.mark.parametrize("text", ["украинка", "индийский чай", "грузим вещи", "suriyeli", "roma people", "lima de uñas"])
def test_other_endings_name_no_country(text: str) -> None:
    assert COUNTRIES.find(text) is None


def test_the_first_country_named_counts() -> None:
    assert COUNTRIES.find("from Libya over Italy") == "LY"
    assert COUNTRIES.find("") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_country_named_in_a_language_is_found_again_in_it(language: str) -> None:
    for code in ("DE", "FR", "IT", "SO", "ET", "AF", "UA"):
        assert COUNTRIES.find(COUNTRIES.name(code, language)) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("مصر", "EG"),
        ("أنا في مصر", "EG"),
        ("قطر", "QA"),
        ("ሊቢያ", "LY"),
        ("ሱዳን", "SD"),
        ("የመን", "YE"),
        ("ግብጽ", "EG"),
        ("ኬንያ", "KE"),
    ],
)
def test_a_country_with_a_short_name_is_found(text: str, code: str) -> None:
    assert COUNTRIES.find(text) == code


def test_a_name_that_is_not_known_is_its_code() -> None:
    assert COUNTRIES.name("DE", "ar") == "ألمانيا"
    assert COUNTRIES.name("DE", "xx") == "Germany"
    assert COUNTRIES.name("Q9", "en") == "Q9"
