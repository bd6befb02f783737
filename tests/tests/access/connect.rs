//! `/oauth/install` and `/oauth/callback`, as a browser sees them.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::job,
    harness::{Program, free_port, wait_until},
    sandbox::Pick,
};
use reqwest::{Client, Response, redirect};

use crate::stage::{ACME, PATIENCE, Stage};

/// The intake, where it is, and a browser that follows no redirect by itself.
pub(crate) struct Door {
    _intake: Program,
    base: String,
    browser: Client,
}

impl Door {
    pub(crate) async fn open(stage: &Stage, settings: &[(&str, &str)]) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let base = format!("http://{listen}");
        let (back, page) = (
            format!("{base}/oauth/callback"),
            format!("{}/v2/oauth/chooselocation", stage.sandbox.url()),
        );
        let own = [
            ("PENSTOCK_GHL_REDIRECT_URI", back.as_str()),
            ("PENSTOCK_GHL_AUTHORIZE_URL", page.as_str()),
        ];
        let intake = stage
            .program("penstock-producer", &[&own[..], settings].concat())
            .args(["serve", "--listen", &listen])
            .start();
        let browser = Client::builder().redirect(redirect::Policy::none());
        let browser = browser.build().unwrap();
        let ready = format!("{base}/readyz");
        wait_until("the intake to be ready", PATIENCE, || async {
            let told = browser.get(&ready).send().await.ok()?;
            told.status().is_success().then_some(())
        })
        .await;
        Self {
            _intake: intake,
            base,
            browser,
        }
    }

    async fn get(&self, url: &str, cookie: Option<&str>) -> Response {
        let request = self.browser.get(url);
        let request = match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// A webhook of GHL's.
    pub(crate) async fn told(&self, body: &str, signature: &str) -> Response {
        let posted = self.browser.post(format!("{}/hooks/ghl", self.base));
        let posted = posted.header("X-GHL-Signature", signature);
        posted.body(body.to_owned()).send().await.unwrap()
    }

    /// Begins an installation: where the browser is sent back to by the API's page, and the cookie that it has.
    async fn begin(&self) -> (String, String) {
        let away = self
            .get(&format!("{}/oauth/install", self.base), None)
            .await;
        assert_eq!(away.status(), 302);
        let cookie = header(&away, "set-cookie");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let back = self.get(&header(&away, "location"), None).await;
        assert_eq!(back.status(), 302, "{back:?}");
        (header(&back, "location"), cookie)
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value
        .unwrap_or_else(|| panic!("{name}: {response:?}"))
        .to_str()
        .unwrap()
        .to_owned()
}

async fn said(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn an_account_is_connected_in_the_browser_and_its_jobs_run() {
    let stage = Stage::start().await;
    stage
        .marketplace()
        .set_pick(Some(Pick::Location(ACME.to_owned())));
    let door = Door::open(&stage, &[]).await;
    let (back, cookie) = door.begin().await;
    let answer = door.get(&back, Some(&format!("other=1; {cookie}"))).await;
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    let (status, page) = said(answer).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Connected") && page.contains(ACME), "{page}");
    // Once is enough.
    let (status, page) = said(door.get(&back, Some(&cookie)).await).await;
    assert_eq!(status, 400, "{page}");
    let _worker = stage.worker().await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_state("one", State::Done).await;
    assert_eq!(stage.marketplace().grants().len(), 1);
}

#[tokio::test]
async fn what_the_browser_was_not_sent_away_with_is_refused() {
    let stage = Stage::start().await;
    stage
        .marketplace()
        .set_pick(Some(Pick::Location(ACME.to_owned())));
    let door = Door::open(&stage, &[]).await;
    let (back, cookie) = door.begin().await;
    let (_, another) = door.begin().await;
    let forged = back.replace("state=", "state=A");
    let none = back.split("&state=").next().unwrap().to_owned();
    for (url, cookie) in [
        (&forged, Some(cookie.as_str())),
        (&none, Some(&cookie)),
        (&back, None),
        (&back, Some(&another)),
    ] {
        let (status, page) = said(door.get(url, cookie).await).await;
        assert_eq!(status, 400, "{url} {page}");
        assert!(page.contains("Begin again"), "{page}");
    }
    assert!(stage.queue.list_grants().await.unwrap().is_empty());
    assert!(
        stage.calls_of("get-access-token").is_empty(),
        "no code was shown to anybody"
    );
    assert_eq!(door.get(&back, Some(&cookie)).await.status(), 200);
}

#[tokio::test]
async fn who_refuses_and_an_api_that_fails_are_told_apart() {
    let stage = Stage::start().await;
    let door = Door::open(&stage, &[]).await;
    stage.marketplace().set_pick(Some(Pick::Refuse));
    let (back, cookie) = door.begin().await;
    let (status, page) = said(door.get(&back, Some(&cookie)).await).await;
    assert_eq!(status, 400);
    assert!(page.contains("not allowed"), "{page}");
    stage.marketplace().set_pick(Some(Pick::Company));
    for fault in [
        "503:op=get-access-token:count=1",
        "cut-after:op=get-access-token:count=1",
        "html:op=get-access-token:count=1",
    ] {
        let (back, cookie) = door.begin().await;
        stage.faults(&[fault]);
        let (status, page) = said(door.get(&back, Some(&cookie)).await).await;
        assert_eq!(status, 502, "{fault}: {page}");
    }
    stage.faults(&[]);
    let (back, cookie) = door.begin().await;
    let (status, page) = said(door.get(&back, Some(&cookie)).await).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("company"), "{page}");
}

#[tokio::test]
async fn what_is_not_set_up_is_said() {
    let stage = Stage::start().await;
    let none = [
        ("PENSTOCK_GHL_CLIENT_ID", "none"),
        ("PENSTOCK_GHL_CLIENT_SECRET", "none"),
    ];
    let door = Door::open(&stage, &none).await;
    for path in ["/oauth/install", "/oauth/callback?code=x&state=y"] {
        let (status, told) = said(door.get(&format!("{}{path}", door.base), None).await).await;
        assert_eq!(status, 404);
        assert!(told.contains("PENSTOCK_GHL_CLIENT_ID"), "{told}");
    }
}
