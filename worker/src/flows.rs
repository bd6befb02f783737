//! The flows in force: read as the worker starts, and again whenever their file has changed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use anyhow::{Context as _, anyhow};
use parking_lot::RwLock;
use penstock_shared::{flow::Flows, program::Failure};

/// A file of flows, and what it said when it was last right.
#[derive(Debug, Clone)]
pub struct FlowFile {
    path: Option<PathBuf>,
    read: Arc<RwLock<Read>>,
}

#[derive(Debug)]
struct Read {
    flows: Arc<Flows>,
    /// By what it is seen that the file has changed since, right or wrong.
    state: Option<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    modified: SystemTime,
    bytes: u64,
}

impl FlowFile {
    /// Reads the file; without one events are left to workers that have one.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let read = match path {
            None => Read {
                flows: Arc::new(Flows::none()),
                state: None,
            },
            Some(path) => read(path).map_err(Failure::bad_input)?,
        };
        Ok(Self {
            path: path.map(Path::to_path_buf),
            read: Arc::new(RwLock::new(read)),
        })
    }

    /// Whether there is such a file.
    pub const fn is_given(&self) -> bool {
        self.path.is_some()
    }

    /// The flows in force.
    pub fn flows(&self) -> Arc<Flows> {
        Arc::clone(&self.read.read().flows)
    }

    /// Reads the file again if it has changed. What is wrong is said once, and changes nothing.
    pub fn refresh(&self) {
        let Some(path) = &self.path else {
            return;
        };
        let state = state(path).ok();
        if state == self.read.read().state {
            return;
        }
        match read(path) {
            Ok(read) => {
                tracing::info!(path = %path.display(), flows = read.flows.iter().count(), "the flows were read again");
                *self.read.write() = read;
            }
            Err(error) => {
                tracing::error!(path = %path.display(), error = format!("{error:#}"), "the flows have changed and are wrong: those before stay in force");
                self.read.write().state = state;
            }
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Read> {
    // Looked at first: what changes while it is read is read again.
    let looked = state(path).and_then(|state| Ok((state, std::fs::read_to_string(path)?)));
    let (state, text) =
        looked.with_context(|| format!("PENSTOCK_FLOWS: {} cannot be read", path.display()))?;
    let flows = Flows::load(&text).map_err(|faults| {
        let faults = faults
            .iter()
            .map(|fault| format!("{}: {fault}", path.display()));
        anyhow!(
            "PENSTOCK_FLOWS is wrong:\n{}",
            faults.collect::<Vec<_>>().join("\n")
        )
    })?;
    Ok(Read {
        flows: Arc::new(flows),
        state: Some(state),
    })
}

fn state(path: &Path) -> std::io::Result<State> {
    let metadata = std::fs::metadata(path)?;
    Ok(State {
        modified: metadata.modified()?,
        bytes: metadata.len(),
    })
}
