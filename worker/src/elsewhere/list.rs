//! `SmsListContact`: a number is in a list with what is said of it, or it is not there. A list has one row for a number: where two contacts share
//! one, the row is the first's, and nothing that is done for the other touches it.

use penstock_shared::{
    job::{Membership, SmsListContact, Text},
    outcome::Outcome,
    queue::{run::field, settle::Fields},
    smsfactor::{Listed, Request, number},
    wire::CallError,
};
use serde_json::{Value, json};

use super::{holder, lookup, smsfactor, way::Way};
use crate::{
    assignment::Assignment,
    deliver::Courier,
    gate::{Stop, Turn},
};

/// Does what is still to be done.
pub(super) async fn keep(
    courier: &Courier,
    job: &Assignment,
    wanted: &SmsListContact,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let way = smsfactor(courier, job, turn)?;
    let keeper = Keeper { way, wanted };
    let found = lookup::find(way, job, turn, &wanted.phone, |start| keeper.page(start)).await?;
    let free = holder::free(courier, job, wanted, &found, turn).await?;
    let own = own(courier, job, wanted, turn).await?;
    lookup::is_over(job);
    let result = match wanted.operation {
        Membership::Add if free.is_empty() && !found.is_empty() => keeper.share(own, turn).await?,
        Membership::Add => keeper.add(own, &free, turn).await?,
        Membership::Remove => json!({ "removed": keeper.remove(own, &free, turn).await? }),
    };
    Ok(Outcome::Delivered {
        result,
        effect: None,
        permit: turn.permit(),
    })
}

/// The row that the contact has, unless it is gone, or has become another's.
async fn own<'a>(
    courier: &Courier,
    job: &Assignment,
    wanted: &'a SmsListContact,
    turn: &Turn<'_>,
) -> Result<Option<&'a str>, Stop> {
    let is_gone = job.claimed.run.text(field::GONE).is_some();
    let own = wanted.contact_id.as_ref().filter(|_| !is_gone);
    let Some(own) = own.map(Text::as_str) else {
        return Ok(None);
    };
    let is_anothers = holder::is_anothers(courier, job, wanted, own, turn).await?;
    Ok((!is_anothers).then_some(own))
}

/// Keeps one number in its list, call by call. How far it has come is in the journal before each further one, which may find no permit now.
#[derive(Clone, Copy)]
struct Keeper<'a> {
    way: Way<'a>,
    wanted: &'a SmsListContact,
}

impl Keeper<'_> {
    /// A page of what the list has of the number.
    fn page(self, start: usize) -> Request {
        Request::list(self.wanted.list_id.as_str(), &self.wanted.phone, start)
    }

    /// Another contact has the number in the list, and that row stays as it is. What is left of the contact's own is the number that it had. This
    /// is no failure: whoever is written to by the list is written to once; `LinkRecord` knows by it that there is nothing to keep.
    async fn share(self, own: Option<&str>, turn: &mut Turn<'_>) -> Result<Value, Stop> {
        if let Some(id) = own {
            self.take_out(id, turn).await?;
        }
        Ok(json!({ "contactId": null, "shared": true }))
    }

    /// `own` is the row that the contact has; `found` are those with the number that are nobody else's.
    async fn add(
        self,
        own: Option<&str>,
        found: &[Listed],
        turn: &mut Turn<'_>,
    ) -> Result<Value, Stop> {
        let is_own = |row: &&Listed| own == Some(row.id.as_str());
        if let Some(there) = found.iter().find(is_own) {
            return self.update(there, turn).await;
        }
        if let Some(there) = found.first() {
            return self.join(own, there, turn).await;
        }
        if let Some(id) = own {
            if self.renumber(id, turn).await? {
                return Ok(json!({ "contactId": id, "changed": true }));
            }
            let gone = Fields::from([(field::GONE, "yes".to_owned())]);
            turn.advance(gone, None).await?;
        }
        let list = self.wanted.list_id.as_str();
        let request = Request::add_to_list(list, &self.wanted.phone, self.wanted.infos());
        self.way.send(turn, &request).await?;
        lookup::unlearnt(turn).await?;
        let id = self.added_id(turn).await?;
        Ok(json!({ "contactId": id, "changed": true }))
    }

    /// What is said of the number is said of this row, if it is not yet.
    async fn update(self, there: &Listed, turn: &mut Turn<'_>) -> Result<Value, Stop> {
        let differs = self.told(there) != there.infos;
        if differs {
            let infos = self.wanted.infos();
            let request = Request::update_listed(&there.id, &self.wanted.phone, infos);
            self.way.send(turn, &request).await?;
        }
        Ok(json!({ "contactId": there.id, "changed": differs }))
    }

    /// What is said of a row then: what is not named stays as it is, and nothing is the same as an empty text.
    fn told(self, there: &Listed) -> [Option<String>; 4] {
        let mut told = there.infos.clone();
        for (told, wanted) in told.iter_mut().zip(self.wanted.infos()) {
            if let Some(text) = wanted {
                *told = Some(text.to_owned()).filter(|text| !text.is_empty());
            }
        }
        told
    }

    /// The contact has come to a number that is there already: what is left of its own row is the number that it had.
    async fn join(
        self,
        own: Option<&str>,
        there: &Listed,
        turn: &mut Turn<'_>,
    ) -> Result<Value, Stop> {
        let updated = self.update(there, turn).await?;
        if let Some(id) = own {
            let known = Listed {
                id: there.id.clone(),
                infos: self.told(there),
            };
            lookup::learnt(turn, &[known]).await?;
            self.take_out(id, turn).await?;
        }
        Ok(updated)
    }

    /// The row gets the number; `false` if it is not there any more.
    async fn renumber(self, id: &str, turn: &mut Turn<'_>) -> Result<bool, Stop> {
        let infos = self.wanted.infos();
        let request = Request::update_listed(id, &self.wanted.phone, infos);
        self.is_there(&request, turn).await
    }

    /// What the list calls a number that was just added, which no answer says. One that it does not show yet goes by its number: the next job for it
    /// finds no such row, and says the right one.
    async fn added_id(self, turn: &mut Turn<'_>) -> Result<String, Stop> {
        let number = number(&self.wanted.phone);
        let answer = self.way.send(turn, &self.page(0)).await?;
        let row = answer.page(number).found.into_iter().next();
        Ok(row.map_or_else(|| number.to_owned(), |row| row.id))
    }

    /// Takes out every one of them, which are nobody else's, and then the contact's own row.
    async fn remove(
        self,
        own: Option<&str>,
        found: &[Listed],
        turn: &mut Turn<'_>,
    ) -> Result<usize, Stop> {
        let own = own.filter(|id| found.iter().all(|row| row.id != *id));
        let rows = found.iter().map(|row| row.id.as_str());
        let (mut removed, mut left) = (0, found);
        for id in rows.chain(own) {
            if removed > 0 {
                lookup::learnt(turn, left).await?;
            }
            let was_there = self.take_out(id, turn).await?;
            removed += usize::from(was_there || !left.is_empty());
            left = left.split_first().map_or(left, |(_, left)| left);
        }
        Ok(removed)
    }

    /// Takes a row out; whether it was there.
    async fn take_out(self, id: &str, turn: &mut Turn<'_>) -> Result<bool, Stop> {
        self.is_there(&Request::remove_listed(id), turn).await
    }

    /// Sends what is about one row; whether that is there.
    async fn is_there(self, request: &Request, turn: &mut Turn<'_>) -> Result<bool, Stop> {
        match self.way.send(turn, request).await {
            Ok(_) => Ok(true),
            Err(Stop::Call(CallError::PartNotFound { .. })) => Ok(false),
            Err(stop) => Err(stop),
        }
    }
}
