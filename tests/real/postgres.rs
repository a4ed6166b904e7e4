//! A PostgreSQL server for scripts: writes its URL, and stops once standard input ends.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Read;
    let server = tap_bigcommerce_tests::postgres::Server::start().ok_or("PostgreSQL is not installed")?;
    println!("{}", server.url("connect_timeout=30"));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), &'static str> {
    Err("the server of the tests starts on Linux only")
}
