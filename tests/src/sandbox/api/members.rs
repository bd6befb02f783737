//! Lists in which each name is once.

/// Adds those that the list does not have yet, and names them.
pub(super) fn put(list: &mut Vec<String>, names: &[String]) -> Vec<String> {
    let mut added: Vec<String> = Vec::new();
    for name in names {
        if !list.contains(name) {
            list.push(name.clone());
            added.push(name.clone());
        }
    }
    added
}

/// Removes those that the list has, and names them.
pub(super) fn take(list: &mut Vec<String>, names: &[String]) -> Vec<String> {
    let removed: Vec<String> = list
        .iter()
        .filter(|name| names.contains(name))
        .cloned()
        .collect();
    list.retain(|name| !removed.contains(name));
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_added_once_and_removed_where_it_was() {
        let texts = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let mut list = texts(&["a"]);
        assert_eq!(put(&mut list, &texts(&["b", "a", "b"])), ["b"]);
        assert_eq!(list, ["a", "b"]);
        assert_eq!(take(&mut list, &texts(&["a", "c"])), ["a"]);
        assert_eq!(list, ["b"]);
    }
}
