//! What a sender sends, and whose it is.

use axum::http::{HeaderMap, Uri};
use penstock_shared::{
    event::{Event, GenericRules, MessageType, Unreadable},
    job::Tenant,
};

/// The header in which GHL names a delivery.
const DELIVERY: &str = "deliveryid";
/// The parameter in which an address of `SMSFactor`'s names the type of what is sent there.
const TYPE: &str = "type";

/// How the bytes of a sender become events.
#[derive(Debug)]
pub enum Reader {
    /// GHL's: they say whose they are.
    Ghl {
        /// The application whose events are believed; any, if none is named.
        app_id: Option<String>,
    },
    /// `SMSFactor`'s.
    Smsfactor {
        /// Whose they are.
        tenant: Tenant,
        /// The type that is sent there, unless the address says another.
        told: Option<MessageType>,
    },
    /// Smore's.
    Smore {
        /// Whose they are.
        tenant: Tenant,
    },
    /// Another's.
    Generic {
        /// Whose they are.
        tenant: Tenant,
        /// What is where.
        rules: GenericRules,
    },
}

/// Why what was sent tells of no event, though its sender has proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEvents {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    /// It is for another application.
    #[error("the event is for another application than app_id of [ghl]")]
    OtherApp,
}

impl Reader {
    /// The events that these bytes tell of.
    pub fn read(
        &self,
        bytes: &[u8],
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Result<Vec<Event>, NoEvents> {
        Ok(match self {
            Self::Ghl { app_id } => {
                let delivery = headers.get(DELIVERY).and_then(|value| value.to_str().ok());
                let read = Event::from_ghl(bytes, delivery)?;
                check_app(app_id.as_deref(), &read.event, read.app.as_deref())?;
                vec![read.event]
            }
            Self::Smsfactor { tenant, told } => {
                let said = said(uri).and_then(|said| said.parse().ok());
                Event::from_smsfactor(bytes, tenant, said.as_ref().or(told.as_ref()))?
            }
            Self::Smore { tenant } => Event::from_smore(bytes, tenant)?,
            Self::Generic { tenant, rules } => vec![Event::from_generic(bytes, tenant, rules)?],
        })
    }

    pub(super) fn is_of_any_app(&self) -> bool {
        matches!(self, Self::Ghl { app_id: None })
    }
}

/// Installations always say of which application they are. Other events may not, as documented; but one that says another is another's.
fn check_app(expected: Option<&str>, event: &Event, said: Option<&str>) -> Result<(), NoEvents> {
    let installs = matches!(event.kind.as_str(), "INSTALL" | "UNINSTALL");
    match (expected, said) {
        (None, _) => Ok(()),
        (Some(_), None) if !installs => Ok(()),
        (expected, said) if expected == said => Ok(()),
        _ => Err(NoEvents::OtherApp),
    }
}

fn said(uri: &Uri) -> Option<&str> {
    let parameters = uri.query()?.split('&');
    let mut named = parameters.filter_map(|parameter| parameter.split_once('='));
    named
        .find(|(name, _)| *name == TYPE)
        .map(|(_, value)| value)
}
