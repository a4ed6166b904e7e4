//! What the examples share.

use tap_bigcommerce::Account;

/// The account of a config. Your own program would say `Account::new(config)`; this one also permits a simulated store on this machine.
///
/// # Errors
/// The config is not JSON.
pub fn account(config: String) -> anyhow::Result<Account> {
    let settings: serde_json::Value = serde_json::from_str(&config)?;
    let account = Account::new(config);
    Ok(match settings["api_url"].as_str() {
        Some(origin) if origin.starts_with("http://127.0.0.1:") => account.allowed_origins([origin]).private_addresses(true),
        _ => account,
    })
}
