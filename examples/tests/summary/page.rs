//! A page that the app made, read back.

use scraper::{Html, Selector};

/// A page that was read back.
pub struct Page {
    /// As the browser reads it.
    pub html: Html,
    /// As it is written.
    pub text: String,
}

impl Page {
    /// A page, after what holds for every page is checked.
    pub fn of(text: String) -> Self {
        let page = Self {
            html: Html::parse_document(&text),
            text,
        };
        page.check();
        page
    }

    fn check(&self) {
        assert!(self.html.errors.is_empty(), "{:?}", self.html.errors);
        for id in [
            "timeline",
            "counts",
            "lines",
            "zones",
            "performance",
            "moments",
            "notes",
        ] {
            assert_eq!(self.all(&format!("section#{id} > h2")).len(), 1, "{id}");
        }
        // Nothing is loaded: pictures are inside, and there is nothing else to load.
        let loading = [
            "src",
            "srcset",
            "href",
            "poster",
            "data",
            "action",
            "background",
        ];
        for element in self.html.select(&selector("*")) {
            for (name, value) in element.value().attrs() {
                let inside = value.starts_with('#') || value.starts_with("data:image/jpeg;base64,");
                assert!(inside || !loading.contains(&name), "{name}={value}");
                assert!(!value.contains("url("), "{name}={value}");
            }
        }
        assert!(
            self.all("link, iframe, object, embed, script[src]")
                .is_empty()
        );
        for style in self.all("style") {
            assert!(!style.contains("url(") && !style.contains("@import"));
        }
    }

    /// The text of all elements that a selector finds.
    pub fn all(&self, of: &str) -> Vec<String> {
        let of = selector(of);
        let found = self.html.select(&of);
        found
            .map(|e| e.text().collect::<String>().trim().to_owned())
            .collect()
    }

    /// A key figure and its details: `person 3`.
    pub fn figure(&self, name: &str) -> (String, Vec<String>) {
        let tile = format!(".tile[data-figure='{name}']");
        let value = self.all(&format!("{tile} strong"));
        assert_eq!(value.len(), 1, "{name}");
        let names = self.all(&format!("{tile} dt"));
        let values = self.all(&format!("{tile} dd"));
        let details = names.iter().zip(values).map(|(n, v)| format!("{n} {v}"));
        (
            value[0].clone(),
            details.map(|d| d.trim().to_owned()).collect(),
        )
    }

    /// Rows of the table of the chart with this title.
    pub fn rows(&self, title: &str) -> Vec<Vec<String>> {
        let (figures, h3, row, cell) = (
            selector("figure.chart"),
            selector("h3"),
            selector("tbody tr"),
            selector("td"),
        );
        let chart = self
            .html
            .select(&figures)
            .find(|f| f.select(&h3).any(|h| h.text().collect::<String>() == title));
        let chart = chart.unwrap_or_else(|| panic!("no chart \"{title}\""));
        let rows = chart.select(&row);
        rows.map(|r| r.select(&cell).map(|c| c.text().collect()).collect())
            .collect()
    }

    /// Names of the lanes and what is told of them.
    pub fn lanes(&self) -> Vec<String> {
        let names = self.all(".lane .name b");
        let counts = self.all(".lane .name span");
        names
            .iter()
            .zip(counts)
            .map(|(n, c)| format!("{n} {c}"))
            .collect()
    }
}

pub fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}
