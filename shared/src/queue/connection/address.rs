//! What `PENSTOCK_REDIS_URL` says, taken apart: one server, the nodes of a cluster, or the Sentinels that know the primary.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisConnectionInfo,
    RedisError, RedisResult, TlsCertificates,
};

use super::tcp_settings;

/// Where a Sentinel listens if its address does not say.
const SENTINEL_PORT: u16 = 26379;

/// The certificates (PEM) that a server's own must go back to, in the place of the system's.
pub(in crate::queue) type Roots = Option<Arc<[u8]>>;

/// Where Redis is.
pub(super) enum Address {
    Single(Client),
    Cluster(Vec<ConnectionInfo>),
    Sentinel(Watched),
}

/// A primary that Sentinels watch.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) sentinels: Vec<Client>,
    /// The name by which they know it.
    pub(super) name: String,
    /// How to get into it, wherever it is.
    login: RedisConnectionInfo,
    tls: bool,
    roots: Roots,
}

impl Address {
    /// A password may hold a comma: only what follows the last `@` of an address parts nodes, which are URLs themselves, or Sentinels.
    pub(super) fn parse(url: &str, roots: &Roots) -> RedisResult<Self> {
        match url.split_once("://") {
            Some(("redis+sentinel", rest)) => {
                Watched::parse(rest, false, roots).map(Self::Sentinel)
            }
            Some(("rediss+sentinel", rest)) => {
                Watched::parse(rest, true, roots).map(Self::Sentinel)
            }
            _ if url.contains(',') => {
                let nodes = url
                    .split(',')
                    .map(|node| node.trim().into_connection_info());
                nodes.collect::<RedisResult<_>>().map(Self::Cluster)
            }
            _ => client(url.into_connection_info()?, roots).map(Self::Single),
        }
    }
}

impl Watched {
    /// `[user:password@]host[:port],…/name[/db][?sentinel-user=…&sentinel-password=…]`. The Sentinels have passwords of their own, or none.
    fn parse(rest: &str, tls: bool, roots: &Roots) -> RedisResult<Self> {
        let (login, place) = rest.rsplit_once('@').map_or(("", rest), |parts| parts);
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let (name, db) = path.split_once('/').unwrap_or((path, ""));
        if name.is_empty() {
            return Err(unusable(
                "the name of the primary is missing: redis+sentinel://host:26379,host:26379/primary-name",
            ));
        }
        let login = credentials(login.split_once(':').unwrap_or((login, "")))?;
        let login = if db.is_empty() {
            login
        } else {
            login.set_db(database(db)?)
        };
        let to_sentinel = sentinel_credentials(query)?;
        let sentinels = hosts.split(',').map(|host| {
            let (host, port) = host_and_port(host)?;
            let server = reach(host, port, tls)?.set_redis_settings(to_sentinel.clone());
            client(server, roots)
        });
        Ok(Self {
            sentinels: sentinels.collect::<RedisResult<_>>()?,
            name: decoded(name)?,
            login,
            tls,
            roots: roots.clone(),
        })
    }

    /// A server among those that are watched.
    pub(super) fn server(&self, host: &str, port: u16) -> RedisResult<Client> {
        let server = reach(host.to_owned(), port, self.tls)?;
        client(server.set_redis_settings(self.login.clone()), &self.roots)
    }
}

fn reach(host: String, port: u16, tls: bool) -> RedisResult<ConnectionInfo> {
    let address = if tls {
        ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    address.into_connection_info()
}

fn client(server: ConnectionInfo, roots: &Roots) -> RedisResult<Client> {
    let server = server.set_tcp_settings(tcp_settings());
    match certificates(roots) {
        Some(certificates) if matches!(server.addr(), ConnectionAddr::TcpTls { .. }) => {
            Client::build_with_tls(server, certificates)
        }
        _ => Client::open(server),
    }
}

pub(super) fn certificates(roots: &Roots) -> Option<TlsCertificates> {
    roots.as_ref().map(|roots| TlsCertificates {
        client_tls: None,
        root_cert: Some(roots.to_vec()),
    })
}

fn host_and_port(text: &str) -> RedisResult<(String, u16)> {
    let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((host, port)) if !port.ends_with(']') => {
            let port = port
                .parse()
                .map_err(|_| unusable("a Sentinel's port is a number"))?;
            (bare(host), port)
        }
        _ => (bare(text), SENTINEL_PORT),
    };
    if host.is_empty() {
        return Err(unusable("a Sentinel's host is missing"));
    }
    Ok((host, port))
}

fn credentials((user, password): (&str, &str)) -> RedisResult<RedisConnectionInfo> {
    let mut login = RedisConnectionInfo::default();
    if !user.is_empty() {
        login = login.set_username(decoded(user)?);
    }
    if !password.is_empty() {
        login = login.set_password(decoded(password)?);
    }
    Ok(login)
}

fn sentinel_credentials(query: &str) -> RedisResult<RedisConnectionInfo> {
    let (mut user, mut password) = ("", "");
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("sentinel-user", value)) => user = value,
            Some(("sentinel-password", value)) => password = value,
            _ => {
                return Err(unusable(
                    "after `?` come only sentinel-user= and sentinel-password=",
                ));
            }
        }
    }
    credentials((user, password))
}

fn database(text: &str) -> RedisResult<i64> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| unusable("the database behind the primary's name is a number"))
}

fn decoded(text: &str) -> RedisResult<String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from)
        .map_err(|_| unusable("it is not UTF-8 once its percent signs are decoded"))
}

fn unusable(why: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, why).into()
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::{Address, Watched};

    fn watched(url: &str) -> Watched {
        match Address::parse(url, &None) {
            Ok(Address::Sentinel(watched)) => watched,
            Ok(_) => panic!("{url} names no Sentinels"),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    fn sentinels(watched: &Watched) -> Vec<String> {
        let addresses = watched.sentinels.iter();
        addresses
            .map(|at| at.get_connection_info().addr().to_string())
            .collect()
    }

    #[test]
    fn sentinels_and_the_name_of_their_primary() {
        let plain = watched("redis+sentinel://a:26380,b,[::1]:7,[::2]/main");
        assert_eq!(plain.name, "main");
        assert_eq!(
            sentinels(&plain),
            ["a:26380", "b:26379", "::1:7", "::2:26379"]
        );
        let server = plain.server("10.0.0.1", 6379).unwrap();
        assert_eq!(server.get_connection_info().redis_settings().db(), 0);
        assert!(matches!(
            server.get_connection_info().addr(),
            ConnectionAddr::Tcp(..)
        ));
    }

    #[test]
    fn a_password_is_the_servers_and_a_sentinels_own_stands_behind_it() {
        let url = "rediss+sentinel://joe:p%40s,s@a,b/my%2Fmain/3?sentinel-password=w";
        let secure = watched(url);
        assert_eq!(secure.name, "my/main");
        let server = secure.server("10.0.0.1", 6380).unwrap();
        let login = server.get_connection_info().redis_settings();
        assert_eq!(
            (login.username(), login.password(), login.db()),
            (Some("joe"), Some("p@s,s"), 3)
        );
        assert!(matches!(
            server.get_connection_info().addr(),
            ConnectionAddr::TcpTls {
                insecure: false,
                ..
            }
        ));
        let sentinel = secure.sentinels[0].get_connection_info().redis_settings();
        assert_eq!(
            (sentinel.username(), sentinel.password()),
            (None, Some("w"))
        );
    }

    #[test]
    fn what_names_no_primary_is_refused() {
        for url in [
            "redis+sentinel://a:1,b:2",
            "redis+sentinel://a/",
            "redis+sentinel://,a/m",
            "redis+sentinel://a:x/m",
            "redis+sentinel://a/m/x",
            "redis+sentinel://a/m?word=1",
        ] {
            assert!(Address::parse(url, &None).is_err(), "{url}");
        }
    }

    #[test]
    fn one_server_and_a_cluster() {
        assert!(matches!(
            Address::parse("redis://a:1", &None),
            Ok(Address::Single(_))
        ));
        let cluster = Address::parse("redis://a:1,redis://b:2", &None);
        assert!(matches!(cluster, Ok(Address::Cluster(nodes)) if nodes.len() == 2));
    }
}
