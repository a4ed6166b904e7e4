//! The URL of a database: settings that the library does not know, and which parts may be shown.

use super::super::SinkError;
use percent_encoding::percent_decode_str;
use postgres::Config;
use postgres::config::{Host, SslMode};
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// Where the tables go, unless the URL says so.
const SCHEMA: &str = "public";
/// Settings that the library understands, except for `sslmode`, of which it knows fewer values than libpq.
const SETTINGS: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];
/// The longest name that PostgreSQL keeps, in bytes; of a longer one it would cut off the rest.
pub(super) const MAX_NAME: usize = 63;

/// How the server's certificate is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Not at all: the connection is encrypted, or may be.
    Anyone,
    /// It must be for this host, from an authority of the system or, if there is one, of this file.
    Verified(Option<PathBuf>),
}

/// A database and the schema in it.
pub(super) struct Url {
    pub(super) config: Config,
    pub(super) schema: String,
    pub(super) trust: Trust,
}

impl Url {
    /// Reads a URL. Errors show no value of it: any part of it may belong to a password.
    pub(super) fn read(text: &str) -> Result<Url, String> {
        let (scheme, rest) = split(text)?;
        let (place, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let credentials = place.rsplit_once('@').map(|(credentials, _)| credentials);
        if rest.contains('#') || settings.contains('@') || credentials.is_some_and(|part| part.contains(['@', '/'])) {
            return Err(
                "the URL has a character in the wrong place; in a user's name, a password and a setting, write @ as %40, \
                        / as %2F, ? as %3F, # as %23, & as %26 and % as %25"
                    .to_owned(),
            );
        }
        let mut known = Vec::new();
        let (mut schema, mut mode, mut root) = (None, None, None);
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').ok_or("a setting of the URL has no value; write ?name=value")?;
            match name {
                "schema" => schema = Some(decoded(value)?),
                "sslmode" => mode = Some(decoded(value)?),
                "sslrootcert" => root = Some(decoded(value)?),
                name if SETTINGS.contains(&name) => known.push(setting),
                _ => {
                    let others = SETTINGS.join(", ");
                    return Err(format!("the URL has an unknown setting; there are schema, sslmode, sslrootcert, {others}"));
                }
            }
        }
        let mut config: Config =
            format!("{scheme}{place}?{}", known.join("&")).parse().map_err(|fault| reason(&fault, "the URL"))?;
        if config.get_hosts().is_empty() {
            return Err("the URL names no host; write postgres://USER@HOST/DATABASE".to_owned());
        }
        let trust = trust(&mut config, mode.as_deref(), root)?;
        be_watchful(&mut config, |name| known.iter().any(|setting| setting.starts_with(&format!("{name}="))));
        Ok(Url { config, schema: named(schema)?, trust })
    }

    /// The URL with what says where the data goes, and nothing else.
    pub(super) fn show(text: &str) -> String {
        let (Ok(_), Ok((scheme, rest))) = (Url::read(text), split(text)) else { return "the PostgreSQL database".to_owned() };
        let (place, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let (credentials, server) = place.split_once('@').unwrap_or(("", place));
        let user = credentials.split(':').next().filter(|user| !user.is_empty()).map(|user| format!("{user}@"));
        let is_place =
            |setting: &&str| ["schema=", "host=", "port=", "dbname=", "user="].iter().any(|name| setting.starts_with(name));
        let settings: Vec<&str> = settings.split('&').filter(is_place).collect();
        let settings = if settings.is_empty() { String::new() } else { format!("?{}", settings.join("&")) };
        format!("{scheme}{}{server}{settings}", user.unwrap_or_default())
    }
}

/// The scheme as the library has it, and what follows it.
fn split(text: &str) -> Result<(&'static str, &str), String> {
    let is_it = |scheme: &&str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    match SCHEMES.into_iter().find(is_it) {
        Some(scheme) => Ok((scheme, text.get(scheme.len()..).unwrap_or_default())),
        None => Err("it must name a database: postgres://USER@HOST/DATABASE".to_owned()),
    }
}

fn decoded(value: &str) -> Result<String, String> {
    let text = percent_decode_str(value).decode_utf8().map(Cow::into_owned);
    text.map_err(|_| "a setting of the URL is not UTF-8".to_owned())
}

/// What the library says is wrong. It names settings, and no values.
fn reason(fault: &postgres::Error, what: &str) -> String {
    let source = std::error::Error::source(fault).map_or_else(|| fault.to_string(), ToString::to_string);
    format!("{what} cannot be understood: {source}")
}

fn named(schema: Option<String>) -> Result<String, String> {
    let schema = schema.unwrap_or_else(|| SCHEMA.to_owned());
    let is_own = schema.starts_with("pg_") || schema == "information_schema";
    match schema.len() {
        1..=MAX_NAME if !schema.contains('\0') && !is_own => Ok(schema),
        _ => Err(format!("the schema of the URL must have a name of 1 to {MAX_NAME} bytes that is not PostgreSQL's own")),
    }
}

/// `sslmode` and `sslrootcert` as libpq has them, as far as both say what is checked.
fn trust(config: &mut Config, mode: Option<&str>, root: Option<String>) -> Result<Trust, String> {
    let (sent, trust) = match mode {
        Some("disable") => (SslMode::Disable, Trust::Anyone),
        None | Some("prefer") => (SslMode::Prefer, Trust::Anyone),
        Some("require") => (SslMode::Require, Trust::Anyone),
        Some("verify-full") => {
            (SslMode::Require, Trust::Verified(root.clone().filter(|file| file != "system").map(PathBuf::from)))
        }
        Some(_) => return Err("the URL's sslmode must be disable, prefer, require or verify-full".to_owned()),
    };
    if root.is_some() && trust == Trust::Anyone {
        return Err("the URL has sslrootcert without sslmode=verify-full, which would not be looked at; add it".to_owned());
    }
    let is_socket = |host: &Host| !matches!(host, Host::Tcp(_));
    // PostgreSQL has no TLS on a socket of this machine.
    let is_local = config.get_hosts().iter().all(is_socket);
    config.ssl_mode(if is_local { SslMode::Disable } else { sent });
    Ok(trust)
}

/// A server whose machine is gone is noticed within minutes, unless the URL says otherwise.
fn be_watchful(config: &mut Config, is_given: impl Fn(&str) -> bool) {
    if config.get_application_name().is_none() {
        config.application_name("tap-bigcommerce");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(30));
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(120));
    }
    if !is_given("keepalives_idle") {
        config.keepalives_idle(Duration::from_secs(60));
    }
    if !is_given("keepalives_interval") {
        config.keepalives_interval(Duration::from_secs(15));
    }
    if !is_given("keepalives_retries") {
        config.keepalives_retries(4);
    }
}

/// The environment's password, for a URL without one: a command line can be seen by others on the machine.
pub(super) fn add_password(config: &mut Config) -> Result<(), SinkError> {
    if config.get_password().is_none()
        && let Some(password) = std::env::var_os("PGPASSWORD").filter(|password| !password.is_empty())
    {
        let told = |_| SinkError::new("PGPASSWORD is not UTF-8; set the password again");
        config.password(password.into_string().map_err(told)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Url::read(text).err().unwrap_or_else(|| panic!("{text} was understood"))
    }

    #[test]
    fn a_url_says_where_the_tables_go_and_whom_to_trust() {
        let url = Url::read("postgresql://tap:p%40ss@db.example:6432/shop?schema=b%20c&sslmode=verify-full&sslrootcert=ca.pem")
            .unwrap();
        assert_eq!((url.config.get_user(), url.config.get_dbname()), (Some("tap"), Some("shop")));
        assert_eq!((url.config.get_password(), url.config.get_ports()), (Some(&b"p@ss"[..]), &[6432][..]));
        assert_eq!((url.schema.as_str(), url.trust), ("b c", Trust::Verified(Some("ca.pem".into()))));
        assert_eq!(url.config.get_ssl_mode(), SslMode::Require);
        let url = Url::read("POSTGRES://tap@db.example/shop").unwrap();
        assert_eq!((url.schema.as_str(), url.trust, url.config.get_ssl_mode()), ("public", Trust::Anyone, SslMode::Prefer));
        assert_eq!(url.config.get_application_name(), Some("tap-bigcommerce"));
        let url = Url::read("postgres://tap@db/shop?sslmode=verify-full&sslrootcert=system").unwrap();
        assert_eq!(url.trust, Trust::Verified(None));
        let url = Url::read("postgres://tap@db/shop?keepalives_idle=5&keepalives_retries=10").unwrap();
        assert_eq!(url.config.get_keepalives_idle(), Duration::from_secs(5));
        assert_eq!(
            (url.config.get_keepalives_retries(), url.config.get_keepalives_interval()),
            (Some(10), Some(Duration::from_secs(15)))
        );
        let url = Url::read("postgres:///shop?host=/run/postgresql&user=tap").unwrap();
        assert_eq!(url.config.get_ssl_mode(), SslMode::Disable, "a socket has no TLS");
    }

    #[test]
    fn what_is_not_understood_is_told_without_a_secret() {
        for (text, words) in [
            ("postgres://tap:s3cret@db/shop?sslmode=verify-ca", "must be disable, prefer, require or verify-full"),
            ("postgres://tap:s3cret@db/shop?sslmode=allow", "must be disable, prefer, require or verify-full"),
            ("postgres://tap:s3cret@db/shop?sslrootcert=ca.pem", "without sslmode=verify-full"),
            ("postgres://tap:s3cret@db/shop?sslmode=require&sslrootcert=ca.pem", "without sslmode=verify-full"),
            ("postgres://tap@db/shop?password=x&s3cret=1", "an unknown setting"),
            ("postgres:///shop?hostaddr=10.0.0.5&user=tap", "an unknown setting"),
            ("postgres://tap@db/shop?s3cret", "has no value"),
            ("postgres://tap:s3cret@db:s3cret/shop", "`port`"),
            ("postgres://tap:s3@cret@db/shop", "%40"),
            ("postgres://tap:s3/cret@db/shop", "%2F"),
            ("postgres://tap:s3?cret@db/shop", "%3F"),
            ("postgres://tap:s3#cret@db/shop", "%23"),
            ("postgres://tap:s3cret@/shop", "no host"),
            ("postgres://tap:s3cret@db/shop?schema=", "1 to 63 bytes"),
            ("postgres://tap:s3cret@db/shop?schema=pg_s3cret", "not PostgreSQL's own"),
            ("postgres://tap:s3cret@db/shop?channel_binding=s3cret", "`channel_binding`"),
            ("s3cret", "must name a database"),
            ("", "must name a database"),
        ] {
            let why = why(text);
            assert!(why.contains(words), "{text}: {why}");
            assert!(!why.contains("s3") && !why.contains("cret"), "{text}: {why}");
            assert!(!Url::show(text).contains("s3"), "{text}");
        }
        let long = "x".repeat(64);
        assert!(why(&format!("postgres://tap@db/shop?schema={long}")).contains("1 to 63 bytes"));
    }

    #[test]
    fn what_is_shown_is_the_place_and_no_password() {
        for (text, shown) in [
            ("postgres://tap:s3cret@db.example:6432/shop", "postgres://tap@db.example:6432/shop"),
            ("postgresql://tap@db/shop?password=s3cret&schema=bc&sslmode=require", "postgresql://tap@db/shop?schema=bc"),
            ("postgres://db/shop?user=tap&password=s3cret", "postgres://db/shop?user=tap"),
            ("postgres:///shop?host=%2Frun&options=-csearch_path%3Ds3cret", "postgres:///shop?host=%2Frun"),
        ] {
            assert_eq!(Url::show(text), shown);
        }
    }
}
