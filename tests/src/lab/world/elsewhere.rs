//! The systems beside the API, each behind a proxy, and the file that tells workers of them.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::Make;
use crate::harness::{Direction, Flow, Proxy};
use crate::lab::ledger::{Call, System};
use crate::lab::workload::{ELSEWHERE, LIST};
use crate::sandbox::Window;
use crate::smore::{self, Smore};
use crate::smsfactor::{self, SmsFactor};
use crate::stand;

/// What proves who calls, which no output may have.
pub(super) const TOKENS: [&str; 2] = ["sms-lab-51d0a7", "crm-lab-e8842b"];

/// Them.
#[derive(Debug)]
pub struct Elsewhere {
    /// The stand-in for `SMSFactor`.
    pub sms: smsfactor::Running,
    /// The stand-in for a CRM.
    pub crm: smore::Running,
    links: [Proxy; 2],
    folder: TempDir,
}

impl Elsewhere {
    /// Starts them, with the quota and the latency of the API.
    pub(super) async fn start(make: &Make) -> Self {
        let stand = stand::Options {
            window: Window::Sliding,
            latency: make.latency.parse().expect("a latency"),
            seed: make.seed,
            ledger_cap: usize::MAX,
            ..stand::Options::default()
        };
        let burst = make.burst.parse().expect("a quota");
        let [sms, crm] = TOKENS.map(|token| vec![token.into()]);
        let sms = SmsFactor::start(smsfactor::Options {
            stand: stand.clone(),
            burst,
            tokens: sms,
            credits: 10_000_000,
            ..smsfactor::Options::default()
        });
        let crm = Smore::start(smore::Options {
            stand,
            crm: burst,
            crm_tokens: crm,
            ..smore::Options::default()
        });
        let sms = sms.await.expect("the stand-in starts");
        let crm = crm.await.expect("the stand-in starts");
        let list = json!({ "id": LIST, "name": LIST, "contacts": [] });
        sms.steer("lists", &list).expect("a list");
        let links = [sms.addr(), crm.addr()].map(Proxy::start);
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = Self {
            sms,
            crm,
            links,
            folder,
        };
        let told = fs::write(elsewhere.file(), elsewhere.connections(&make.burst));
        told.expect("the file can be written");
        elsewhere
    }

    /// Where the file is.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("connections.toml")
    }

    fn connections(&self, burst: &str) -> String {
        let [sms, crm] = &self.links;
        let [of_sms, of_crm] = TOKENS;
        format!(
            "[smsfactor]\nbase_url = '{}'\ntoken = '{of_sms}'\nquota = '{burst}'\n\
             [connection.crm]\nbase_url = '{}/crm/v1'\ntoken = '{of_crm}'\nquota = '{burst}'\n",
            sms.http_url(),
            crm.http_url(),
        )
    }

    /// Puts a profile into the CRM.
    ///
    /// # Panics
    /// When it does not take it.
    pub fn seed_profile(&self, id: &str) {
        let profile = json!({ "id": id, "externalId": id });
        self.crm.steer("profiles", &profile).expect("a profile");
    }

    /// What is sent one way on the links fares so.
    pub fn set(&self, direction: Direction, flow: Flow) {
        for link in &self.links {
            link.set(direction, flow);
        }
    }

    /// The links are whole again; all connections are closed.
    pub fn heal(&self) {
        for link in &self.links {
            link.heal();
        }
    }

    /// Puts these faults in the place of all others, the last ones in the CRM alone.
    ///
    /// # Panics
    /// When one of them is none.
    pub fn faults(&self, of_both: &[&str], of_crm: &[&str]) {
        let both = of_both.iter().copied();
        self.sms.set_faults(both.clone()).expect("faults");
        let all = both.chain(of_crm.iter().copied());
        self.crm.set_faults(all).expect("faults");
    }

    /// How many calls they saw, and how many effects there are.
    pub fn seen(&self) -> (u64, u64) {
        let (sms, crm) = (self.sms.summary(), self.crm.summary());
        (sms.calls + crm.calls, sms.effects + crm.effects)
    }

    /// What they saw.
    pub(super) fn calls(&self) -> impl Iterator<Item = Call> {
        let of_sms = self.sms.calls_after(0).into_iter();
        let of_crm = self.crm.calls_after(0).into_iter();
        let of_sms = of_sms.map(|call| Call::of_stand(System::SmsFactor, ELSEWHERE, call));
        of_sms.chain(of_crm.map(|call| Call::of_stand(System::Crm, ELSEWHERE, call)))
    }
}
