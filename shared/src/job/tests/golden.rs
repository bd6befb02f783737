//! The schemas that are committed are the ones that the code makes.

use std::{env, fs, path::Path};

use crate::job::schemas;

#[test]
fn schemas_are_those_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    for (name, schema) in schemas() {
        let path = folder.join(format!("{name}.json"));
        let made = format!("{schema:#}\n");
        if env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &made).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            made, committed,
            "schemas/{name}.json is not up to date: UPDATE_SCHEMAS=1 cargo test -p penstock-shared schemas"
        );
    }
}
