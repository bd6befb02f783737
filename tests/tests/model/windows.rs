//! What a server counts in its windows.

use anyhow::{Result, ensure};
use penstock_shared::quota::Quota;

use crate::permits::ms;

/// No window has more of these moments than a quota allows, wherever it begins: a window has its length in milliseconds.
pub(crate) fn keep(arrivals: &[u64], quotas: [Quota; 2]) -> Result<()> {
    let mut arrivals = arrivals.to_vec();
    arrivals.sort_unstable();
    for quota in quotas {
        for (at, first) in arrivals.iter().enumerate() {
            let until = first + ms(quota);
            let counted = arrivals[at..].iter().take_while(|call| **call < until);
            let counted = counted.count();
            ensure!(
                counted <= quota.calls().get() as usize,
                "{counted} calls in the window of {quota} that begins at {first}"
            );
        }
    }
    Ok(())
}
