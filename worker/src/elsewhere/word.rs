//! What a message is called where others tell of it: in delivery reports and replies.

use std::iter;

use penstock_shared::job::Tenant;

use super::Elsewhere;

impl Elsewhere {
    /// What reports and replies name a tenant's message by: the job's id, which is unique in one tenant alone, where the account is the tenant's;
    /// with the tenant before it where others may send by the same account.
    pub(super) fn word(&self, tenant: &str, id: &str) -> String {
        if self.is_own_account(tenant) {
            return id.to_owned();
        }
        format!("{tenant}/{id}")
    }

    /// Whether what one tenant is told may be about the other's messages: they send by one account. `None` where this worker does not know.
    pub(super) fn hears_for(&self, told: &str, other: &str) -> Option<bool> {
        if told == other {
            return Some(true);
        }
        let way = self.ways.smsfactor.as_ref()?;
        Some(way.connection.auth.is_shared(told, other))
    }

    /// Whether the account is the tenant's alone.
    pub(super) fn is_own_account(&self, tenant: &str) -> bool {
        let way = self.ways.smsfactor.as_ref();
        way.is_some_and(|way| way.connection.auth.is_own(tenant))
    }
}

/// The jobs that may have been given a word, as tenants and ids: those of whoever is told, and the one that it names with its tenant. Which of them
/// was, is written down with the job.
pub(super) fn meant<'a>(told: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    // No tenant has a slash in its name.
    let named = word.split_once('/');
    let named = named.filter(|(tenant, _)| tenant.parse::<Tenant>().is_ok());
    iter::once((told, word)).chain(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_ones_own_job_or_names_its_tenant() {
        let meant = |word| meant("acme", word).collect::<Vec<_>>();
        assert_eq!(meant("order-1"), [("acme", "order-1")]);
        let both = [("acme", "beta/order/1"), ("beta", "order/1")];
        assert_eq!(meant("beta/order/1"), both);
        assert_eq!(meant("{0}:x/1"), [("acme", "{0}:x/1")]);
    }
}
