//! The config: what the settings are, and how a JSON object becomes one that can be trusted.

mod batches;
mod shapes;
mod sources;

pub use self::batches::Batches;
pub use self::sources::{from_env, merge};
pub use crate::channels::Channels;
use crate::dates;
use crate::error::{Failure, Kind, Result};
use crate::json::shown;
pub use crate::origin::Origin;
use crate::shapes::Shapes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;

/// Larger configs are refused unread.
const MAX_BYTES: usize = 1 << 20;
/// The prefix of the environment variables that hold settings.
pub const ENV_PREFIX: &str = "TAP_BIGCOMMERCE_";

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// Any text.
    Text,
    /// Text that is shown nowhere.
    Secret,
    /// A date or a date with a time, ISO 8601.
    Date,
    /// A whole number between two bounds, both included.
    Integer {
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// True or false.
    Boolean,
    /// One id or several: a number, a list, or text with commas.
    Ids,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A JSON object, or its text.
    Object,
}

/// One setting, as `--about` lists it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key in the config; upper case behind `TAP_BIGCOMMERCE_` it is the environment variable.
    pub key: &'static str,
    /// What it holds.
    pub kind: SettingKind,
    /// Whether a run needs it.
    pub required: bool,
    /// The value without it, as text.
    pub default: Option<&'static str>,
    /// For people.
    pub description: &'static str,
}

const fn setting(key: &'static str, kind: SettingKind, default: Option<&'static str>, description: &'static str) -> Setting {
    Setting { key, kind, required: false, default, description }
}

const fn required(key: &'static str, kind: SettingKind, description: &'static str) -> Setting {
    Setting { key, kind, required: true, default: None, description }
}

/// Line items and shipping addresses are asked for order by order.
const SEPARATE: &str = "separate";
/// They are taken from the list of orders.
const EMBEDDED: &str = "embedded";

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    required("access_token", SettingKind::Secret, "Access token of the store's API account."),
    required("store_hash", SettingKind::Text, "The store's hash: the part after /stores/ in its API path."),
    setting("client_id", SettingKind::Text, None, "Client ID of the store's API account. The API does not need it any more."),
    setting(
        "start_date",
        SettingKind::Date,
        None,
        "Orders and customers modified before this are not read. Default: all of history.",
    ),
    setting("end_date", SettingKind::Date, None, "Records modified after this are not read. Default: none."),
    setting("api_url", SettingKind::Text, Some("https://api.bigcommerce.com"), "The API's origin: https, or http on loopback."),
    setting("user_agent", SettingKind::Text, None, "The User-Agent header. Default: the tap's name and version."),
    setting("page_size", SettingKind::Integer { min: 10, max: 250 }, Some("250"), "Records asked for in one request."),
    setting("max_concurrency", SettingKind::Integer { min: 1, max: 1024 }, Some("64"), "Maximum number of requests in flight."),
    setting("request_timeout_seconds", SettingKind::Integer { min: 1, max: 3600 }, Some("60"), "Timeout of one request attempt."),
    setting(
        "lookback_seconds",
        SettingKind::Integer { min: 0, max: 31_536_000 },
        Some("0"),
        "How far before the bookmark a new run starts.",
    ),
    setting(
        "order_lines",
        SettingKind::Choice(&[SEPARATE, EMBEDDED]),
        Some(SEPARATE),
        "Where line items and shipping addresses of orders come from. separate: own requests for each order; embedded: from the list of orders, with far fewer requests.",
    ),
    setting(
        "child_refresh_days",
        SettingKind::Integer { min: 0, max: 365 },
        Some("0"),
        "Once a day, shipments, taxes, messages, transactions, fees and consignments are read again for orders modified up to this many days before the bookmark. 0: never.",
    ),
    setting(
        "channel_id",
        SettingKind::Ids,
        None,
        "Read orders, customers and products of these channels only, for a store with several storefronts. Default: all.",
    ),
    setting(
        "strict",
        SettingKind::Boolean,
        Some("false"),
        "Fail on a value that does not fit its schema, instead of a null and a warning.",
    ),
    setting(
        "emit_activate_version_messages",
        SettingKind::Boolean,
        Some("false"),
        "Write ACTIVATE_VERSION after a full table that is certain to be complete, so that a target can remove deleted rows.",
    ),
    setting(
        "stream_maps",
        SettingKind::Object,
        None,
        "Filter, rename, drop, hash and alias streams and fields: see docs/shapes.md.",
    ),
    setting("stream_map_config", SettingKind::Object, None, "Values that the expressions of stream_maps use as config['name']."),
    setting(
        "flattening_enabled",
        SettingKind::Boolean,
        Some("false"),
        "Turn fields of nested objects into fields of the record.",
    ),
    setting(
        "flattening_max_depth",
        SettingKind::Integer { min: 0, max: 100 },
        None,
        "How many levels of objects are flattened. 0: none.",
    ),
    setting("flattening_separator", SettingKind::Text, Some("__"), "What joins the names of flattened fields."),
    setting(
        "flattening_max_key_length",
        SettingKind::Integer { min: 8, max: 255 },
        Some("255"),
        "Flattened names of this length or longer are shortened.",
    ),
    setting(
        "batch_config",
        SettingKind::Object,
        None,
        "Write records to files and send BATCH messages instead of RECORD messages: see docs/shapes.md.",
    ),
];

/// A secret, kept out of debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for the one header that carries it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who adds the credentials to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The tap does: the config must hold them.
    InConfig,
    /// The embedder may: a config without them is good, and requests leave without them.
    MayBeEmbedders,
}

/// A config that has been checked whole.
#[derive(Clone, Debug)]
pub struct Config {
    /// The store's hash, `^[a-z0-9]{1,64}$`.
    pub store_hash: String,
    /// Where every request goes.
    pub origin: Origin,
    /// The API account's client id, sent where it is given.
    pub client_id: Option<String>,
    /// None: the embedder adds it to the requests.
    pub access_token: Option<Secret>,
    /// Where a stream without a bookmark starts.
    pub start_date: Option<DateTime<Utc>>,
    /// Where reading ends.
    pub end_date: Option<DateTime<Utc>>,
    /// The User-Agent header.
    pub user_agent: String,
    /// Records asked for in one request.
    pub page_size: u32,
    /// Requests in flight at most.
    pub max_concurrency: usize,
    /// How long one try of a request may take.
    pub request_timeout: Duration,
    /// Whether line items and shipping addresses are taken from the list of orders, where they are whole there.
    pub embeds_order_lines: bool,
    /// How far before its bookmark a new walk starts.
    pub lookback: chrono::TimeDelta,
    /// How far before its bookmark a stream is read again, if its rows can change without a new date of their parent record.
    pub child_refresh: chrono::TimeDelta,
    /// The channels whose orders, customers and products are read.
    pub channels: Channels,
    /// Whether a value that does not fit its schema is an error.
    pub strict: bool,
    /// Whether targets are told which rows of full tables are current.
    pub activates_versions: bool,
    /// What messages look like.
    pub(crate) shapes: Shapes,
    /// Where batch files go, for the host that writes them. The tap itself writes none.
    pub batches: Option<Batches>,
}

impl Config {
    /// Reads a config from the text of a JSON object. One failure names every fault; the texts returned with the config are warnings.
    pub fn parse(text: &str, credentials: Credentials) -> Result<(Config, Vec<String>)> {
        if text.len() > MAX_BYTES {
            return Err(Failure::new(
                Kind::Config,
                format!("the config is larger than {MAX_BYTES} bytes; it should hold a few settings"),
            ));
        }
        let map: Map<String, Value> = serde_json::from_str(text).map_err(|fault| {
            let place = format!("line {}, column {}", fault.line(), fault.column());
            Failure::new(Kind::Config, format!("the config is not a JSON object (look at {place})"))
        })?;
        Reader { map: &map, faults: Vec::new() }.config(credentials)
    }
}

/// Takes settings out of the map and gathers every fault on the way.
struct Reader<'a> {
    map: &'a Map<String, Value>,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn config(mut self, credentials: Credentials) -> Result<(Config, Vec<String>)> {
        let store_hash = self.text("store_hash").unwrap_or_default();
        if !store_hash.is_empty() && !is_store_hash(&store_hash) {
            self.faults.push("store_hash may hold only a-z and 0-9, at most 64 of them".into());
        }
        let access_token = self.text("access_token");
        if access_token.as_deref().is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic())) {
            self.faults.push("access_token holds a space or a character that is not allowed in a header".into());
        }
        let client_id = self.header("client_id");
        let origin = self.origin();
        let config = Config {
            store_hash,
            origin,
            client_id,
            access_token: access_token.map(Secret),
            start_date: self.date("start_date"),
            end_date: self.date("end_date"),
            user_agent: self
                .header("user_agent")
                .unwrap_or_else(|| concat!("tap-bigcommerce/", env!("CARGO_PKG_VERSION")).into()),
            page_size: self.integer("page_size") as u32,
            max_concurrency: self.integer("max_concurrency") as usize,
            request_timeout: Duration::from_secs(self.integer("request_timeout_seconds")),
            embeds_order_lines: self.choice("order_lines") == Some(EMBEDDED),
            lookback: chrono::TimeDelta::seconds(self.integer("lookback_seconds") as i64),
            child_refresh: chrono::TimeDelta::days(self.integer("child_refresh_days") as i64),
            channels: self.channels("channel_id"),
            strict: self.boolean("strict"),
            activates_versions: self.boolean("emit_activate_version_messages"),
            shapes: self.shapes(),
            batches: self.batches(),
        };
        if let (Some(start), Some(end)) = (config.start_date, config.end_date)
            && end <= start
        {
            self.faults.push("end_date must be later than start_date".into());
        }
        self.finish(config, credentials)
    }

    fn finish(self, config: Config, credentials: Credentials) -> Result<(Config, Vec<String>)> {
        let given = |key: &str| self.map.get(key).is_some_and(|value| !is_empty(value));
        let needed = |key: &str| credentials == Credentials::InConfig || key != "access_token";
        let missing: Vec<&str> =
            SETTINGS.iter().filter(|s| s.required && needed(s.key) && !given(s.key)).map(|s| s.key).collect();
        let mut faults = self.faults;
        if !missing.is_empty() {
            faults.insert(0, format!("missing: {}", missing.join(", ")));
        }
        if !faults.is_empty() {
            return Err(Failure::new(Kind::Config, format!("the config cannot be used: {}", faults.join("; "))));
        }
        let known = |key: &str| SETTINGS.iter().any(|setting| setting.key == key);
        let unknown = self.map.keys().filter(|key| !known(key));
        let warning = |key: &String| format!("the config's key {:?} is not a setting of this tap and is ignored", shown(key));
        let warnings = unknown.map(warning).collect();
        Ok((config, warnings))
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !is_empty(value))
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) => Some(text.trim().to_owned()),
            _ => self.wrong(key, "text"),
        }
    }

    fn header(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        if text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') { Some(text) } else { self.wrong(key, "plain ASCII text") }
    }

    fn date(&mut self, key: &'static str) -> Option<DateTime<Utc>> {
        let text = self.text(key)?;
        match dates::parse(&text) {
            Some(date) => Some(date),
            None => self.wrong(key, "a date such as 2024-01-31T00:00:00Z"),
        }
    }

    fn origin(&mut self) -> Origin {
        let fallback = Origin { https: true, authority: "api.bigcommerce.com".into() };
        let Some(text) = self.text("api_url") else { return fallback };
        Origin::parse(&text).unwrap_or_else(|why| {
            self.faults.push(format!("api_url cannot be used: {why}"));
            fallback
        })
    }

    fn integer(&mut self, key: &'static str) -> u64 {
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        let Some((SettingKind::Integer { min, max }, default)) = setting.map(|setting| (setting.kind, setting.default)) else {
            return 0;
        };
        let default = default.and_then(|text| text.parse().ok()).unwrap_or(min);
        let number = match self.value(key) {
            None => return default,
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
        };
        match number {
            Some(number) if (min..=max).contains(&number) => number,
            _ => self.wrong(key, &format!("a whole number from {min} to {max}")).unwrap_or(default),
        }
    }

    fn channels(&mut self, key: &'static str) -> Channels {
        let Some(value) = self.value(key) else { return Channels::default() };
        match Channels::parse(value) {
            Some(channels) => channels,
            None => self.wrong(key, "the id of a channel, or several").unwrap_or_default(),
        }
    }

    fn boolean(&mut self, key: &'static str) -> bool {
        let text = match self.value(key) {
            None => return false,
            Some(Value::Bool(value)) => return *value,
            Some(Value::String(text)) => text.trim().to_ascii_lowercase(),
            Some(_) => String::new(),
        };
        match text.as_str() {
            "true" | "1" | "yes" => true,
            "false" | "0" | "no" => false,
            _ => self.wrong(key, "true or false").unwrap_or(false),
        }
    }

    fn choice(&mut self, key: &'static str) -> Option<&'static str> {
        let kind = SETTINGS.iter().find(|setting| setting.key == key).map(|setting| setting.kind);
        let Some(SettingKind::Choice(words)) = kind else { return None };
        let word = match self.value(key)? {
            Value::String(text) => words.iter().copied().find(|word| text.trim().eq_ignore_ascii_case(word)),
            _ => None,
        };
        word.or_else(|| self.wrong(key, &words.join(" or ")))
    }

    fn wrong<T>(&mut self, key: &str, wanted: &str) -> Option<T> {
        self.faults.push(format!("{key} must be {wanted}"));
        None
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn is_store_hash(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
