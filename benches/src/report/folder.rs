//! The folder of a report.

use super::{findings::Report, markdown, plot};
use std::{error::Error, fs, path::Path};

impl Report {
    /// Writes `report.md`, `report.json` and the plots into a folder, which it makes.
    pub fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let plots = plot::draw(self, folder)?;
        fs::write(folder.join("report.md"), markdown::page(self, &plots))?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::findings::tests::sample;

    #[test]
    fn everything_is_written() {
        let folder = std::env::temp_dir().join(format!("evenkeel-report-{}", std::process::id()));
        sample().write(&folder).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
        assert_eq!(json["rows"][0]["times"]["tokio"], serde_json::json!([50.0, 80.0, 51.0]));
        assert_eq!(json["peers"][3]["skipped"], "no io_uring");
        assert!(read("report.md").contains("(ratio.svg)"));
        for (plot, name) in [("ratio.svg", "compio"), ("libraries.svg", "kanal"), ("yield-among.svg", "tokio")] {
            assert!(read(plot).contains("evenkeel") && read(plot).contains(name), "{plot}");
        }
        assert!(!folder.join("spawn-among.svg").exists(), "there was nothing to draw");
        fs::remove_dir_all(folder).unwrap();
    }
}
