//! Where a database is, and how it is reached.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use cpl_model::host::is_this_machine;
use sqlx::{
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

/// A database.
pub struct Database {
    pub(crate) at: At,
    name: String,
}

/// How it is reached.
#[derive(Clone)]
pub enum At {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
    Sqlite(PathBuf),
}

/// Why an address is not that of a database to which anything is sent. Nothing of the address is in it: that holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidAddress {
    /// It is none.
    None(&'static str),
    /// An option that it has is none of its database's, which are these. Its name may be the rest of a password.
    Option(&'static [&'static str]),
    /// What goes there could be read by others on its way.
    Open,
}

impl Database {
    /// By its address; the path of a file is relative to a folder. Those certificates, as PEM, are trusted besides the system's.
    ///
    /// # Errors
    /// Why it is none.
    pub fn at(address: &str, folder: &Path, certificates: Option<&[u8]>) -> Result<Self, InvalidAddress> {
        let scheme = address.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "postgres" | "postgresql" => postgres(address, certificates),
            "mysql" | "mariadb" => mysql(address, certificates),
            "sqlite" => sqlite(address, folder),
            _ => Err(InvalidAddress::None("it begins with none of `postgres:`, `mysql:`, `mariadb:`, `sqlite:`")),
        }
    }

    /// What messages call it: its address without a user, a password and options.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn postgres(address: &str, certificates: Option<&[u8]>) -> Result<Database, InvalidAddress> {
    let (name, given) = name(address, POSTGRES_OPTIONS)?;
    let read = PgConnectOptions::from_str(address);
    let mut options = read.map_err(|_| InvalidAddress::None("its options are none of PostgreSQL's"))?;
    if options.get_socket().is_none() && !is_here(options.get_host()) {
        // What the environment says of it does not stand in the address.
        let is_given = given.iter().any(|option| ["sslmode", "ssl-mode"].contains(&option.as_str()));
        match options.get_ssl_mode() {
            PgSslMode::Disable if is_given => return Err(InvalidAddress::Open),
            PgSslMode::Require | PgSslMode::VerifyCa if is_given => {}
            // Others would not say so where the other side wants no encryption.
            _ => options = options.ssl_mode(PgSslMode::VerifyFull),
        }
    }
    if let Some(pem) = certificates.filter(|_| !given.iter().any(|option| option.contains("root"))) {
        options = options.ssl_root_cert_from_pem(pem.to_vec());
    }
    let options = options.application_name("cpl");
    Ok(Database { at: At::Postgres(Box::new(options)), name })
}

fn mysql(address: &str, certificates: Option<&[u8]>) -> Result<Database, InvalidAddress> {
    let (name, given) = name(address, MYSQL_OPTIONS)?;
    // sqlx would change what `||` means in a session.
    let read = MySqlConnectOptions::from_str(address)
        .map(|options| options.pipes_as_concat(false).no_engine_substitution(false).charset("utf8mb4"));
    let mut options = read.map_err(|_| InvalidAddress::None("its options are none of MySQL's"))?;
    if options.get_socket().is_none() && !is_here(options.get_host()) {
        match options.get_ssl_mode() {
            MySqlSslMode::Disabled => return Err(InvalidAddress::Open),
            MySqlSslMode::Preferred => options = options.ssl_mode(MySqlSslMode::VerifyIdentity),
            MySqlSslMode::Required | MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity => {}
        }
    }
    if let Some(pem) = certificates.filter(|_| !given.iter().any(|option| option.ends_with("ca"))) {
        options = options.ssl_ca_from_pem(pem.to_vec());
    }
    Ok(Database { at: At::MySql(Box::new(options)), name })
}

/// `sqlite:orders.db`, `sqlite://orders.db`, `sqlite:/var/orders.db`.
fn sqlite(address: &str, folder: &Path) -> Result<Database, InvalidAddress> {
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.contains('?') {
        return Err(InvalidAddress::Option(&[]));
    }
    if path.is_empty() || path == ":memory:" {
        return Err(InvalidAddress::None("it names no file"));
    }
    Ok(Database { at: At::Sqlite(folder.join(path)), name: path.to_owned() })
}

/// Whether a host is this machine, or the folder of a socket.
fn is_here(host: &str) -> bool {
    host.starts_with('/') || is_this_machine(host)
}

/// The options of addresses that are understood.
const POSTGRES_OPTIONS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
];
const MYSQL_OPTIONS: &[&str] =
    &["sslmode", "ssl-mode", "sslca", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key", "socket"];

/// What messages call a server's database, and the options of its address, all of which are known.
fn name(address: &str, known: &'static [&'static str]) -> Result<(String, Vec<String>), InvalidAddress> {
    const NONE: InvalidAddress = InvalidAddress::None("it names no server behind `//`");
    let url = Url::parse(address).map_err(|_| NONE)?;
    let given: Vec<String> = url.query_pairs().map(|(option, _)| option.into_owned()).collect();
    let host = url.host_str().unwrap_or_default();
    let is_named = |option: &String| ["host", "hostaddr", "socket"].contains(&option.as_str());
    // Without `//` a user and a password would stand in the path.
    if (host.is_empty() && !given.iter().any(is_named)) || url.path().contains('@') || url.fragment().is_some() {
        return Err(NONE);
    }
    if given.iter().any(|option| !known.contains(&option.as_str())) {
        return Err(InvalidAddress::Option(known));
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok((format!("{}://{host}{port}{}", url.scheme(), url.path()), given))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a server is reached.
    fn mode(address: &str) -> String {
        match Database::at(address, Path::new("/w"), None) {
            Ok(Database { at: At::Postgres(options), name }) => format!("{name} {:?}", options.get_ssl_mode()),
            Ok(Database { at: At::MySql(options), name }) => format!("{name} {:?}", options.get_ssl_mode()),
            Ok(Database { at: At::Sqlite(path), name }) => format!("{name} {}", path.display()),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn what_others_could_read_on_its_way_is_encrypted() {
        for (address, wanted) in [
            ("postgres://me:pass@127.0.0.1:5432/shop", "postgres://127.0.0.1:5432/shop Prefer"),
            ("postgres://me:pass@localhost/shop?sslmode=disable", "postgres://localhost/shop Disable"),
            ("postgresql://me:pass@db.example.com/shop", "postgresql://db.example.com/shop VerifyFull"),
            ("postgres://me:pass@db.example.com/shop?sslmode=require", "postgres://db.example.com/shop Require"),
            ("postgres://me:pass@db.example.com/shop?sslmode=disable", "Open"),
            ("postgres://me:pass@127.0.0.1/shop?host=db.example.com&sslmode=disable", "Open"),
            ("postgres://me:pass@127.0.0.1/shop?hostaddr=10.0.0.7&sslmode=disable", "Open"),
            ("mysql://me:pass@[::1]/shop", "mysql://[::1]/shop Preferred"),
            ("mysql://me:pass@db.example.com/shop", "mysql://db.example.com/shop VerifyIdentity"),
            ("mariadb://me:pass@db.example.com/shop?ssl-mode=REQUIRED", "mariadb://db.example.com/shop Required"),
            ("mysql://me:pass@db.example.com/shop?ssl-mode=DISABLED", "Open"),
            ("sqlite:orders.db", "orders.db /w/orders.db"),
            ("sqlite://data/orders.db", "data/orders.db /w/data/orders.db"),
            ("sqlite:///var/orders.db", "/var/orders.db /var/orders.db"),
        ] {
            assert_eq!(mode(address), wanted, "{address}");
        }
        for other in ["postgres://h/x?sslmod=require", "mysql://h/x?timezone=%2B05:00", "sqlite:o.db?mode=ro"] {
            assert!(mode(other).starts_with("Option"), "{other}: {}", mode(other));
        }
        for password in ["postgres:me:p4ssw0rd@db.example.com/shop", "mysql:/me:p4ssw0rd@db.example.com/shop"] {
            assert!(mode(password).starts_with("None"), "{password}: {}", mode(password));
            assert!(!mode(password).contains("p4ss"), "{password}");
        }
        for none in
            ["", "shop", "oracle://db/x", "sqlite:", "sqlite::memory:", "postgres://[", "postgres://h/x?sslmode=no"]
        {
            assert!(mode(none).starts_with("None"), "{none}: {}", mode(none));
        }
    }
}
