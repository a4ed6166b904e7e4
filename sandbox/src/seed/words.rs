//! Names and texts of all scripts.

pub(super) const FIRST_NAMES: &[&str] = &[
    "Jane",
    "Noah",
    "Zoë",
    "François",
    "Søren",
    "Łukasz",
    "José",
    "María",
    "Ömer",
    "Đặng",
    "陽子",
    "伟",
    "지훈",
    "محمد",
    "שרה",
    "Ирина",
    "Δήμητρα",
    "อรุณ",
    "अनन्या",
    "D'Arcy",
    "Björk",
    "Chloé",
    "Anne-Marie",
    "Ng",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Smith",
    "O'Neill",
    "Müller",
    "Ångström",
    "Dvořák",
    "Núñez",
    "Yılmaz",
    "Nguyễn",
    "山田",
    "王",
    "김",
    "الحسيني",
    "כהן",
    "Кузнецова",
    "Παπαδόπουλος",
    "สุขใจ",
    "शर्मा",
    "van der Berg",
    "Smith-Jones",
    "García Márquez",
    "Null",
    "Ó Súilleabháin",
];

pub(super) const COMPANIES: &[&str] = &[
    "",
    "",
    "",
    "Acme, Inc.",
    "Café \"Zürich\" GmbH",
    "株式会社さくら",
    "L'Oasis & Fils",
    "شركة النور",
    "Tab\tand \\ Co",
    "🌮 Tacos 🌮",
];

pub(super) const STREETS: &[&str] = &[
    "Main Street",
    "Rue de l'Église",
    "Königsallee",
    "Calle Ñuñoa",
    "東大通り",
    "شارع الملك",
    "Ulica Żółta",
    "Straße des 17. Juni",
];

/// City, state, country, two-letter code, what a postal code starts with.
pub(super) const PLACES: &[(&str, &str, &str, &str, &str)] = &[
    ("Austin", "Texas", "United States", "US", "787"),
    ("Portland", "Oregon", "United States", "US", "972"),
    ("Sydney", "New South Wales", "Australia", "AU", "20"),
    ("Zürich", "Zürich", "Switzerland", "CH", "80"),
    ("São Paulo", "São Paulo", "Brazil", "BR", "010"),
    ("横浜市", "神奈川県", "Japan", "JP", "220-00"),
    ("القاهرة", "Cairo", "Egypt", "EG", "115"),
    ("Łódź", "Łódzkie", "Poland", "PL", "90-0"),
    ("Reykjavík", "", "Iceland", "IS", "1"),
];

pub(super) const ADJECTIVES: &[&str] = &[
    "Blue",
    "Crème",
    "Heavy",
    "Tiny",
    "Außergewöhnlich",
    "[Sample]",
    "手作り",
    "Hand-made",
    "Old",
    "Señorita",
    "✨ New",
    "خفيف",
];

pub(super) const THINGS: &[&str] = &[
    "Teapot",
    "Backpack",
    "Candle",
    "Jalapeño Jam",
    "Fußball",
    "抹茶茶碗",
    "Lamp 19\"",
    "Towel & Robe",
    "Chair",
    "Notebook",
    "Smörgåsbord Tray",
    "Mug",
];

pub(crate) const TEXTS: &[&str] = &[
    "",
    "Happy birthday, Zoë! 🎂",
    "Line one\nline two\ttabbed",
    "He said \"no\" \\ maybe </script>",
    "左のドアに置いてください",
    "يرجى الاتصال قبل التسليم",
    "12",
    "true",
    "   spaces around   ",
    "👩‍👩‍👧‍👦 family \u{2028} separator",
];

pub(super) const BRANDS: &[&str] = &["", "Acme", "Überholz", "OFS", "日本茶", "Común Good"];
