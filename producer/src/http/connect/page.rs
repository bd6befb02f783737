//! Pages for people, as plain as they can be.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use html_escape::encode_text;
use penstock_shared::queue::{
    error::QueueError,
    grants::{GrantName, Kind},
};

/// What is shown, and how it is said to programs.
pub(super) struct Page {
    status: StatusCode,
    title: &'static str,
    /// Paragraphs.
    says: Vec<String>,
}

impl Page {
    pub(super) fn connected(name: &GrantName, missing: &[&str]) -> Self {
        let id = name.id();
        let (what, who, one) = match name.kind() {
            Kind::Company => (
                "company",
                "all of its locations of which nothing else is said",
                "LOCATION",
            ),
            Kind::Location | Kind::Private => ("location", "it", id),
        };
        let mut says = vec![format!("The {what} {id} is connected.")];
        if !missing.is_empty() {
            let missing = missing.join(", ");
            says.push(format!("It was asked for, and not given: {missing}."));
        }
        says.push(format!(
            "Whoever runs Penstock lets {who} write with: penstock-admin tenant allow-writes {id}; until then they only read that were connected so, \
             unless all may write. penstock-admin check {one} tells whether a location's jobs can run."
        ));
        Self {
            status: StatusCode::OK,
            title: "Connected",
            says,
        }
    }

    /// Nothing was connected, and it may be tried again.
    pub(super) fn again(why: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "Not connected",
            says: vec![why.into(), "Begin again at /oauth/install.".to_owned()],
        }
    }

    /// Too many come back at once.
    pub(super) fn crowded() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            title: "Not yet",
            says: vec![
                "Too many accounts are being connected. Load this page again in a minute."
                    .to_owned(),
            ],
        }
    }

    /// Whether it is worth loading again as it is.
    pub(super) fn is_crowded(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
    }

    /// The API has failed.
    pub(super) fn failed(why: &str) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            ..Self::again(why)
        }
    }

    /// Tokens cannot be kept.
    pub(super) fn away(error: &QueueError) -> Self {
        tracing::error!(%error, "an account was not connected: its tokens cannot be stored");
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            ..Self::again(
                "Its tokens cannot be kept now. Whoever runs Penstock finds more in its log.",
            )
        }
    }

    fn html(&self) -> String {
        let paragraphs = self.says.iter().fold(String::new(), |html, said| {
            html + "<p>" + &encode_text(said) + "</p>"
        });
        let title = self.title;
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body><h1>{title}</h1>{paragraphs}</body></html>\n"
        )
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            ),
            // The address holds the code.
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (self.status, headers, self.html()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_text() {
        let name = GrantName::new(Kind::Location, "app", "<b>");
        let html = Page::connected(&name, &["a&b"]).html();
        assert!(
            html.contains("&lt;b&gt;") && html.contains("a&amp;b"),
            "{html}"
        );
        assert!(!html.contains("<b>"));
    }

    #[test]
    fn of_a_company_nobody_is_told_to_check_it() {
        let name = GrantName::new(Kind::Company, "app", "co");
        let html = Page::connected(&name, &[]).html();
        assert!(html.contains("allow-writes co") && html.contains("check LOCATION"));
    }
}
