//! Settings: a name and a value a line.

use penstock_shared::settings::{SETTINGS, Settings};

use super::said;

pub(super) fn settings(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let known = |name: &str| SETTINGS.iter().any(|setting| setting.name == name);
    let given = text.lines().filter_map(|line| line.split_once('='));
    let given: Vec<(String, String)> = given
        .filter(|(name, _)| known(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match Settings::load_from(given) {
        Ok(settings) => {
            let shown = settings.render();
            assert_eq!(shown.lines().count(), SETTINGS.len(), "a setting a line");
            said(&settings.warnings())
        }
        Err(error) => said(&error.to_string()),
    }
}
