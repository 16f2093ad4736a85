//! The folder of a report.

use super::{findings::Report, page, plot};
use std::{error::Error, fs, path::Path};

impl Report {
    /// Writes `report.md`, `report.json` and `report.svg` into a folder, which it makes if it is not there.
    pub fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        plot::draw(self, &folder.join("report.svg"))?;
        fs::write(folder.join("report.md"), page::page(self))?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::serve::report::findings::tests::sample;
    use std::fs;

    #[test]
    fn everything_is_written() {
        let folder = std::env::temp_dir().join(format!("evenkeel-serve-report-{}", std::process::id()));
        sample().write(&folder).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
        assert_eq!(json["servers"][2]["skipped"], "no io_uring");
        assert_eq!(json["servers"][0]["driver"], "epoll");
        assert_eq!(json["cells"][0]["kind"], "echo");
        assert_eq!(json["cells"][0]["rounds"][1]["cpu"], 5.0);
        assert_eq!(json["cells"][0]["calls"]["epoll_wait"], 0.25);
        assert!(read("report.md").contains("## http, 64 connections"));
        let plot = read("report.svg");
        for text in ["evenkeel", "tokio", "echo, 1 connection", "http, 64 connections", "5.00", "7.12"] {
            assert!(plot.contains(text), "{text}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
