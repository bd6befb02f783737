//! Gathers what the judge needs.

use std::collections::{HashMap, HashSet};

use penstock_shared::{
    job::state::State,
    queue::{
        dead::{DeadLetter, Filter},
        run::field,
        status::JobStatus,
    },
};

use super::super::history::{Death, Fate, History, Output, Promise, Recovery};
use super::super::workload::CANARY;
use super::{TOKEN, World, elsewhere};
use crate::harness::run;

impl World {
    /// The run as it stands now, with what is left of it in Redis.
    ///
    /// # Panics
    /// When Redis does not tell.
    pub async fn history(&self, promises: Vec<Promise>, recoveries: Vec<Recovery>) -> History {
        let (fates, leftovers) = (self.fates(&promises).await, self.leftovers().await);
        let mut outputs = self.outputs.clone();
        outputs.push(Output {
            of: "the Redis server".into(),
            lines: self.redis.log(),
        });
        outputs.extend(self.shown_by_admin().await);
        History {
            promises,
            calls: self.calls(),
            fates,
            retried: HashSet::new(),
            links_cut: true,
            allowance: self.allowance,
            recoveries,
            leftovers,
            outputs,
            secrets: [TOKEN, CANARY]
                .into_iter()
                .chain(elsewhere::TOKENS)
                .map(str::to_owned)
                .collect(),
        }
    }

    async fn fates(&self, promises: &[Promise]) -> HashMap<String, Fate> {
        let letters = self.queue.dead(&Filter::default(), usize::MAX, None).await;
        let letters = letters.expect("the dead letters can be read").into_iter();
        let mut letters: HashMap<_, _> =
            letters.map(|letter| (letter.id.clone(), letter)).collect();
        let mut fates = HashMap::new();
        for Promise { id, tenant, .. } in promises {
            let found = self.queue.find(id, Some(tenant)).await;
            if let Some(status) = found.expect("Redis answers").pop() {
                let fate = self.fate(status, letters.remove(id)).await;
                fates.insert(id.clone(), fate);
            }
        }
        fates
    }

    async fn fate(&self, status: JobStatus, letter: Option<DeadLetter>) -> Fate {
        // What is done has none any more.
        let history = if status.state == State::Done {
            Vec::new()
        } else {
            let history = self.queue.history(&status.tenant, &status.id).await;
            history.expect("Redis answers")
        };
        Fate {
            state: status.state,
            attempts: status.attempts(),
            effect: status.done.and_then(|(done, _)| done.effect),
            history,
            death: letter.map(death),
        }
    }

    /// What the admin program shows of it to anybody who looks.
    async fn shown_by_admin(&self) -> Vec<Output> {
        let url = self.redis.url();
        let commands: [&[&str]; 4] = [
            &["stats"],
            &["tenants"],
            &["dead", "list"],
            &["dead", "list", "-o", "ndjson"],
        ];
        let mut outputs = Vec::new();
        for args in commands {
            let env = [("PENSTOCK_REDIS_URL", url.as_str())];
            let shown = run("penstock-admin", args, &env, "").await;
            assert_eq!(shown.code, Some(0), "{args:?}: {}", shown.stderr);
            let lines = [shown.stdout, shown.stderr].concat();
            outputs.push(Output {
                of: format!("penstock-admin {}", args.join(" ")),
                lines: lines.lines().map(str::to_owned).collect(),
            });
        }
        outputs
    }
}

fn death(letter: DeadLetter) -> Death {
    let evidence = letter.run.text(field::EVIDENCE);
    Death {
        evidence: evidence.and_then(|text| serde_json::from_str(text).ok()),
        intent_open: letter.run.text(field::INTENT).is_some(),
        has_payload: letter.job.is_some() || letter.raw.is_some_and(|raw| !raw.is_empty()),
        cause: letter.cause,
    }
}
