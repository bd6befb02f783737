//! What the network tells of text messages.

use penstock_shared::event::Event;
use penstock_shared::queue::enqueue::Admission;
use penstock_shared::queue::record::NewJob;
use serde_json::json;

use super::World;
use crate::harness::wait_until;
use crate::lab::workload::ELSEWHERE;
use crate::lab::world::PATIENCE;

/// The status of a message that has arrived.
const ARRIVED: u8 = 3;

impl World {
    /// Reports of every message that was sent that it has arrived, as a webhook would; whether there are any.
    ///
    /// # Panics
    /// When what is told is not taken.
    pub async fn tell_of_messages(&self) -> bool {
        let sent = self.elsewhere.sms.effects().into_iter();
        let sent: Vec<_> = sent.filter(|effect| effect.change.kind == "sms").collect();
        for message in &sent {
            let report =
                json!({ "gsmsmsid": message.change.content["gsmsmsid"], "status": ARRIVED });
            let report = self.elsewhere.sms.steer("reports", &report);
            self.hear(report.expect("a report").to_string().as_bytes())
                .await;
        }
        !sent.is_empty()
    }

    async fn hear(&self, body: &[u8]) {
        let tenant = ELSEWHERE.parse().expect("a tenant");
        let events = Event::from_smsfactor(body, &tenant, None).expect("an event");
        let jobs = events.into_iter().map(|event| NewJob {
            id: event.id.clone(),
            job: event.into_job(),
        });
        let jobs: Vec<_> = jobs.collect();
        let stored = self.queue.enqueue(&jobs, Admission::Each).await;
        stored.expect("the events are stored");
    }

    /// Waits until there is nothing to do.
    pub async fn until_idle(&self) {
        wait_until("nothing to do", PATIENCE, || async {
            (!self.has_work().await).then_some(())
        })
        .await;
    }
}
