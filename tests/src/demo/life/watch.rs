//! Looks into the three ledgers and the workers' logs, for what is new.

use super::ending::Ending;
use super::stage::Stage;
use crate::{sandbox, stand};

/// How far each was read.
#[derive(Debug, Default)]
pub(super) struct Watch {
    ghl: u64,
    sms: u64,
    crm: u64,
    lines: Vec<usize>,
}

/// What is new.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) ghl: Vec<sandbox::Effect>,
    pub(super) sms: Vec<stand::Effect>,
    pub(super) crm: Vec<stand::Effect>,
    pub(super) endings: Vec<Ending>,
}

impl News {
    pub(super) const fn is_none(&self) -> bool {
        self.ghl.is_empty() && self.sms.is_empty() && self.crm.is_empty() && self.endings.is_empty()
    }
}

impl Watch {
    /// From now on: which webhooks were registered before is no part of anybody's life.
    pub(super) fn begin(stage: &Stage) -> Self {
        let systems = &stage.systems;
        Self {
            sms: systems.sms.summary().effects,
            crm: systems.smore.summary().effects,
            ..Self::default()
        }
    }

    /// All that is new.
    pub(super) async fn look(&mut self, stage: &Stage) -> anyhow::Result<News> {
        let lines = self.endings(stage);
        let mut endings = Vec::new();
        for ending in lines {
            endings.push(ending.looked_up(&stage.queue).await?);
        }
        let systems = &stage.systems;
        Ok(News {
            ghl: self.at_ghl(stage),
            sms: new(systems.sms.effects(), &mut self.sms),
            crm: new(systems.smore.effects(), &mut self.crm),
            endings,
        })
    }

    /// What is new at GHL alone.
    pub(super) fn at_ghl(&mut self, stage: &Stage) -> Vec<sandbox::Effect> {
        let calls = stage.systems.ghl.calls_after(0).into_iter();
        let effects = calls.filter_map(|call| call.effect);
        let mut new: Vec<_> = effects.filter(|one| one.order > self.ghl).collect();
        new.sort_unstable_by_key(|effect| effect.order);
        self.ghl = new.last().map_or(self.ghl, |effect| effect.order);
        new
    }

    fn endings(&mut self, stage: &Stage) -> Vec<Ending> {
        self.lines.resize(stage.workers.len(), 0);
        let mut endings = Vec::new();
        for (worker, read) in stage.workers.iter().zip(&mut self.lines) {
            let lines = worker.stderr();
            let fresh = lines.iter().skip(*read);
            endings.extend(fresh.filter_map(|line| Ending::read(line)));
            *read = lines.len();
        }
        endings
    }
}

fn new(effects: Vec<stand::Effect>, seen: &mut u64) -> Vec<stand::Effect> {
    let new = effects.into_iter().filter(|effect| effect.order > *seen);
    let new: Vec<_> = new.collect();
    *seen = new.last().map_or(*seen, |effect| effect.order);
    new
}
