//! The files that are shipped, with what is one's own in them, in a folder that goes with its owner.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Systems, Teller};

const FLOWS: &str = include_str!("../../../deploy/flows.toml");
const HOOKS: &str = include_str!("../../../deploy/hooks.toml");
const CONNECTIONS: &str = include_str!("../../../deploy/connections.toml");

/// Where they are.
#[derive(Debug)]
pub struct Files {
    folder: TempDir,
}

impl Files {
    /// Writes them: the key of this teller stands for GHL's, and these stand-ins for the systems.
    ///
    /// # Panics
    /// When what is to be replaced is not in them.
    pub fn write(teller: &Teller, systems: &Systems) -> std::io::Result<Self> {
        let files = Self {
            folder: tempfile::tempdir()?,
        };
        let public = teller.public_key();
        let hooks = replaced(HOOKS, "[ghl]\n", &format!("[ghl]\nkey = \"{public}\"\n"));
        let connections = replaced(CONNECTIONS, "https://api.smsfactor.com", &systems.sms.url());
        let crm = format!("{}/crm/v1", systems.smore.url());
        let connections = replaced(&connections, "https://crm.example/api/v1", &crm);
        fs::write(files.hooks(), hooks)?;
        fs::write(files.connections(), connections)?;
        fs::write(files.flows(), FLOWS)?;
        Ok(files)
    }

    /// For those for whom quotas are not what it is about: there is none to speak of any more.
    ///
    /// # Panics
    /// When the shipped quotas are not in them.
    pub fn lift_quotas(&self) -> std::io::Result<()> {
        let text = fs::read_to_string(self.connections())?;
        let text = replaced(&text, "10/1s", "1000/1s");
        fs::write(self.connections(), replaced(&text, "20/1m", "1000/1s"))
    }

    /// What happens when.
    pub fn flows(&self) -> PathBuf {
        self.folder().join("flows.toml")
    }

    /// Who may tell of events.
    pub fn hooks(&self) -> PathBuf {
        self.folder().join("hooks.toml")
    }

    /// Where jobs for other systems go.
    pub fn connections(&self) -> PathBuf {
        self.folder().join("connections.toml")
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[track_caller]
fn replaced(text: &str, what: &str, by: &str) -> String {
    assert!(text.contains(what), "{what} is not shipped");
    text.replace(what, by)
}
