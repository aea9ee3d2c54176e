//! The listening sockets of the process. All are opened before anything is written, so that a port conflict has no side
//! effects.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use crate::options::Options;

/// The sockets that the options require.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// The HTTP API's; `None` with `--only-stores`.
    pub(crate) http: Option<TcpListener>,
    /// The engine's, on a free port of 127.0.0.1.
    pub(crate) engine: TcpListener,
    /// DynamoDB's for other processes; `None` when no other process uses the stores.
    pub(crate) dynamodb: Option<TcpListener>,
    pub(crate) s3: TcpListener,
    /// Secrets Manager's; `None` when no other process uses the stores.
    pub(crate) secrets: Option<TcpListener>,
}

/// A port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot listen on {address}: {source}; choose another port with {option}, or 0 for a free one")]
pub struct ListenError {
    what: &'static str,
    address: SocketAddr,
    option: &'static str,
    source: io::Error,
}

impl Listeners {
    /// Opens the sockets. Stores that no function outside this process uses get free ports on 127.0.0.1.
    ///
    /// # Errors
    /// [`ListenError`] names the address and the option when a port cannot be opened, usually because it is in use.
    pub(crate) fn open(options: &Options) -> Result<Self, ListenError> {
        let open = |what, option, host: IpAddr, port| {
            let address = SocketAddr::new(host, port);
            TcpListener::bind(address).map_err(|source| ListenError { what, address, option, source })
        };
        let shared = options.shares_stores();
        let store = |what, option, port| {
            let (host, port) = if shared { (options.listen, port) } else { (Ipv4Addr::LOCALHOST.into(), 0) };
            open(what, option, host, port)
        };
        let http = (!options.only_stores).then(|| open("the HTTP API", "--port", options.listen, options.port));
        let offered = options.offers_stores();
        let secrets = offered.then(|| store("Secrets Manager", "--secrets-port", options.secrets_port));
        Ok(Self {
            http: http.transpose()?,
            engine: open("DynamoDB", "--dynamodb-port", Ipv4Addr::LOCALHOST.into(), 0)?,
            dynamodb: offered.then(|| store("DynamoDB", "--dynamodb-port", options.dynamodb_port)).transpose()?,
            s3: store("S3", "--s3-port", options.s3_port)?,
            secrets: secrets.transpose()?,
        })
    }
}

/// The address at which clients on this machine reach a socket. An unspecified address becomes loopback.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    SocketAddr::new(host, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_reached_on_loopback_and_another_on_itself() {
        for (listened, reached) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:2", "[::1]:2"),
            ("127.0.0.1:3", "127.0.0.1:3"),
            ("10.1.2.3:4", "10.1.2.3:4"),
        ] {
            assert_eq!(reachable(listened.parse().unwrap()).to_string(), reached);
        }
    }

    #[test]
    fn a_port_that_is_taken_is_named_with_its_option() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let base = Options { only_stores: true, ..Options::in_memory() };
        let cases = [
            (Options { port, ..Options::in_memory() }, "--port"),
            (Options { dynamodb_port: port, ..base.clone() }, "--dynamodb-port"),
            (Options { s3_port: port, ..base.clone() }, "--s3-port"),
            (Options { secrets_port: port, ..base.clone() }, "--secrets-port"),
        ];
        for (options, option) in cases {
            let message = Listeners::open(&options).unwrap_err().to_string();
            assert!(
                message.contains(&format!("127.0.0.1:{port}")) && message.contains(&format!("with {option},")),
                "{message}"
            );
        }
    }

    #[test]
    fn only_stores_has_no_http_api_and_a_plain_start_no_secrets_manager() {
        let stores = Listeners::open(&Options { only_stores: true, port: 1, ..Options::in_memory() }).unwrap();
        assert!(stores.http.is_none() && stores.secrets.is_some());
        let plain = Listeners::open(&Options { dynamodb_port: 1, s3_port: 1, ..Options::in_memory() }).unwrap();
        assert!(plain.http.is_some() && plain.secrets.is_none());
    }
}
