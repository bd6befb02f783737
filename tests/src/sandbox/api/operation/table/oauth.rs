//! OAuth, and the page of the marketplace that leads to it.

use http::Method;

use crate::sandbox::api::oauth::calls;
use crate::sandbox::api::operation::{Access, Operation, Run};
use crate::sandbox::api::shapes;

const fn choice(path: &'static str) -> Operation {
    Operation {
        id: "choose-location",
        method: Method::GET,
        path,
        query: shapes::AUTHORISATION,
        body: None,
        form: false,
        access: Access::Open,
        ok: 302,
        run: Run::OAuth(calls::choose_location),
    }
}

pub(super) static ROWS: &[Operation] = &[
    // Not in the document of the API: the marketplace is another server, and has it at both of these.
    choice("/oauth/chooselocation"),
    choice("/v2/oauth/chooselocation"),
    Operation {
        id: "get-access-token",
        method: Method::POST,
        path: "/oauth/token",
        query: &[],
        body: Some(shapes::TOKEN),
        form: true,
        access: Access::Open,
        ok: 200,
        run: Run::OAuth(calls::token),
    },
    Operation {
        id: "get-location-access-token",
        method: Method::POST,
        path: "/oauth/locationToken",
        query: &[],
        body: Some(shapes::LOCATION_TOKEN),
        form: true,
        access: Access::Company("oauth.write"),
        ok: 200,
        run: Run::OAuth(calls::location_token),
    },
    Operation {
        id: "get-installed-location",
        method: Method::GET,
        path: "/oauth/installedLocations",
        query: shapes::INSTALLED_QUERY,
        body: None,
        form: false,
        access: Access::Company("oauth.readonly"),
        ok: 200,
        run: Run::OAuth(calls::installed_locations),
    },
];
