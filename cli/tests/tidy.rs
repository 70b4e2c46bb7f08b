//! The table "Who may import whom" in `docs/architecture.md` and the workspace say the same.

use std::collections::{BTreeMap, BTreeSet};

type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn crates_import_what_the_architecture_allows_and_nothing_else() {
    let document = include_str!("../../docs/architecture.md");
    let allowed = table(document);
    let actual = workspace();
    for (importer, imported) in &actual {
        let allowed = allowed.get(importer).unwrap_or_else(|| panic!("`{importer}` has no row in section 3"));
        let here: BTreeSet<String> =
            allowed.iter().filter(|name| actual.contains_key(*name)).cloned().collect();
        assert_eq!(imported, &here, "`{importer}`: left what it imports, right what section 3 says");
    }
}

/// The rows and columns of the table in section 3, by crate name.
fn table(document: &str) -> Imports {
    let section = document.split("\n## ").find(|part| part.starts_with("3.")).expect("a section 3");
    let mut rows = section.lines().filter(|line| line.starts_with('|')).map(cells);
    let columns: Vec<String> = rows.next().expect("a header").into_iter().skip(1).collect();
    let mut imports = Imports::new();
    for row in rows.skip(1) {
        let marked = row[1..].iter().zip(&columns).filter(|(mark, _)| mark.starts_with('●'));
        let imported: BTreeSet<String> = marked.map(|(_, name)| name.clone()).collect();
        for importer in row[0].split(", ") {
            imports.insert(importer.to_owned(), imported.clone());
        }
    }
    imports
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
}

/// What each crate of the workspace imports from it, tests and build scripts aside.
fn workspace() -> Imports {
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    let ours: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let imports = metadata.packages.iter().filter(|package| package.name != "cli").map(|package| {
        let normal = package.dependencies.iter().filter(|d| d.kind == cargo_metadata::DependencyKind::Normal);
        (
            package.name.to_string(),
            normal.map(|d| d.name.clone()).filter(|name| ours.contains(name)).collect(),
        )
    });
    imports.collect()
}
