//! Where a request comes from.

use std::{fmt, net::IpAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

/// Where a proxy says for whom it calls.
const FORWARDED: &str = "x-forwarded-for";

/// One address, or all that begin alike: `203.0.113.7`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Network(IpNet);

impl Network {
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let network = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| {
            de::Error::custom("write an address or a network, such as 203.0.113.7 or 10.0.0.0/8")
        })
    }
}

/// Who has sent a request: whoever has connected, unless that is one of our proxies; then the last one that these do not know as one of theirs.
/// What stands further to the left anybody may have written.
pub(super) fn sender(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    let peer = peer.to_canonical();
    if !is_proxy(peer) {
        return peer;
    }
    let values = headers.get_all(FORWARDED).iter().rev();
    let texts = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    let mut passed = peer;
    for text in texts {
        let Ok(address) = text.trim().parse::<IpAddr>() else {
            return passed;
        };
        passed = address.to_canonical();
        if !is_proxy(passed) {
            return passed;
        }
    }
    passed
}
