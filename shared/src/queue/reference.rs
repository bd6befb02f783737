//! How jobs and lanes are named in Redis.

use std::fmt;

use crate::job::Destination;

/// A destination and a tenant's account there, `ghl/TENANT`: what has one quota, one breaker and one line of due jobs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(String);

impl Lane {
    /// The lane of a tenant's jobs for a destination.
    pub fn of(destination: &Destination, tenant: &str) -> Self {
        Self(format!("{destination}/{tenant}"))
    }

    /// The lane of a tenant's jobs for GHL.
    pub fn ghl(tenant: &str) -> Self {
        Self::of(&Destination::GHL, tenant)
    }

    /// A lane by its name, if it has the form of one.
    pub fn parse(name: &str) -> Option<Self> {
        let (destination, tenant) = name.split_once('/')?;
        let sound = !destination.is_empty() && !tenant.is_empty() && !tenant.contains('/');
        sound.then(|| Self(name.to_owned()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The destination's name.
    pub fn destination(&self) -> &str {
        self.0.split_once('/').map_or("", |(name, _)| name)
    }

    /// Whose it is.
    pub fn tenant(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, tenant)| tenant)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A job as leases name it: `<destination>/<tenant>/<priority><id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    name: String,
    lane: Lane,
}

impl Reference {
    /// A reference by its name, if it has the form of one.
    pub fn parse(name: &str) -> Option<Self> {
        let mut slashes = name.match_indices('/').map(|(at, _)| at);
        let (_, second) = (slashes.next()?, slashes.next()?);
        let lane = Lane::parse(&name[..second])?;
        let ticket = &name[second + 1..];
        let sound = ticket.starts_with(['0', '1', '2']) && ticket.len() > 1;
        sound.then(|| Self {
            name: name.to_owned(),
            lane,
        })
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The lane that it waits in.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Whose job it is.
    pub fn tenant(&self) -> &str {
        self.lane.tenant()
    }

    /// The priority digit and the id, as the lane's sets hold it.
    pub fn ticket(&self) -> &str {
        &self.name[self.lane.as_str().len() + 1..]
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.ticket()[1..]
    }

    /// `<tenant>/<id>`, as runs and dead letters are named.
    pub fn job_key(&self) -> String {
        format!("{}/{}", self.tenant(), self.id())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_keeps_whatever_an_id_holds() {
        let reference = Reference::parse("ghl/acme/1a/b:{c}*").unwrap();
        assert_eq!(
            (reference.tenant(), reference.ticket(), reference.id()),
            ("acme", "1a/b:{c}*", "a/b:{c}*")
        );
        assert_eq!(reference.lane(), &Lane::ghl("acme"));
        assert_eq!(reference.job_key(), "acme/a/b:{c}*");
    }

    #[test]
    fn what_is_not_a_reference_is_none() {
        for name in [
            "",
            "ghl",
            "ghl/acme",
            "ghl/acme/",
            "ghl/acme/1",
            "ghl/acme/xid",
            "/acme/1id",
            "ghl//1id",
        ] {
            assert_eq!(Reference::parse(name), None, "{name}");
        }
    }
}
