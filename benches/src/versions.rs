//! The versions of the packages that were compiled in, as the lock file has them.

/// The version of a package, or of its newest one where there are several.
pub fn version(package: &str) -> Option<&'static str> {
    find(include_str!("../../Cargo.lock"), package)
}

fn find<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let packages = lock.split("[[package]]").skip(1);
    let value = |text: &'a str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.strip_prefix(" = ")?.trim_matches('"'))
    };
    packages.filter(|text| value(text, "name") == Some(package)).filter_map(|text| value(text, "version")).last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer_name::PeerName;

    #[test]
    fn the_last_of_several_counts() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \
                    \"2.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"0.1.0\"\ndependencies = [\n \"a 1.0.0\",\n]\n";
        assert_eq!(find(lock, "a"), Some("2.0.0"));
        assert_eq!(find(lock, "b"), Some("0.1.0"));
        assert_eq!(find(lock, "c"), None);
    }

    #[test]
    fn every_peer_has_one() {
        for peer in PeerName::ALL {
            assert!(version(peer.package()).is_some(), "{peer}");
        }
    }
}
