//! Who may call what.

use secrecy::{ExposeSecret, SecretString};

use super::grant::Subject;
use crate::sandbox::api::World;
use crate::sandbox::api::answer::Answer;
use crate::sandbox::api::operation::{Access, Operation};
use crate::sandbox::clock::Moment;

/// What a request brings to be let in.
#[derive(Clone, Copy)]
pub(in crate::sandbox) struct Visit<'a> {
    pub(in crate::sandbox) bearer: Option<&'a str>,
    /// Whether it names the version of the API that is spoken.
    pub(in crate::sandbox) versioned: bool,
    /// The location that it is about.
    pub(in crate::sandbox) location: Option<&'a str>,
    pub(in crate::sandbox) now: Moment,
}

/// As whom a request was let in: none where nothing but a static token, or nothing at all, vouches for it.
pub(in crate::sandbox) type Caller = Option<Subject>;

/// Lets a request in, or says what it lacks: a token, the version, a token of the right type, the scope, the location.
///
/// Static tokens may do all in every location, as before OAuth is switched on. Where it is, a token must be one of those or have
/// been given out; where it is not and no static token is named either, any will do.
pub(in crate::sandbox) fn admit(
    world: &World,
    tokens: &[SecretString],
    operation: &Operation,
    visit: Visit<'_>,
) -> Result<Caller, Answer> {
    if operation.is_access() && world.oauth.is_none() {
        return Err(operation.nowhere());
    }
    if operation.access == Access::Open {
        return Ok(None);
    }
    let bearer = visit.bearer.ok_or_else(|| Answer::error(401, None))?;
    let listed = tokens.iter().any(|token| token.expose_secret() == bearer);
    let access = match &world.oauth {
        _ if listed => None,
        None if tokens.is_empty() => None,
        None => return Err(Answer::error(401, None)),
        Some(oauth) => Some(
            oauth
                .access(bearer)
                .ok_or_else(|| Answer::error(401, None))?,
        ),
    };
    let Some(access) = access else {
        check_version(visit)?;
        return check_type(operation.access, "Location").map(|()| None);
    };
    // Both for a token whose time is over and for one that was revoked: field reports do not tell them apart.
    if access.ends <= visit.now {
        return Err(Answer::unauthorised("Invalid JWT"));
    }
    check_version(visit)?;
    check_type(operation.access, access.subject.user_type())?;
    let held = |scope| access.scope.split_whitespace().any(|held| held == scope);
    if !operation.access.scope().is_none_or(held) {
        return Err(Answer::unauthorised(
            "The token is not authorized for this scope.",
        ));
    }
    let elsewhere = |location: &str| !access.subject.is_location(location);
    if operation.access.user_type() == "Location" && visit.location.is_some_and(elsewhere) {
        return Err(Answer::error(
            403,
            Some("The token does not have access to this location."),
        ));
    }
    Ok(Some(access.subject.clone()))
}

fn check_version(visit: Visit<'_>) -> Result<(), Answer> {
    if visit.versioned {
        Ok(())
    } else {
        Err(Answer::no_version())
    }
}

fn check_type(access: Access, found: &str) -> Result<(), Answer> {
    if access.user_type() == found {
        Ok(())
    } else {
        Err(Answer::unauthorised("Token's user type mismatch!"))
    }
}
