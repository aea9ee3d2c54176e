//! [`Column`]: a column of an answer as a table.

/// A column: the members that lead from a row to its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::query) struct Column {
    /// The name in the header.
    pub(in crate::query) name: String,
    /// The names of these members.
    pub(in crate::query) path: Vec<String>,
}

impl Column {
    /// The column of a path.
    pub(in crate::query) fn of(path: Vec<String>) -> Self {
        Self { name: path.join("."), path }
    }

    /// The column of a member of the row.
    pub(in crate::query) fn of_member(name: &str) -> Self {
        Self::of(vec![name.to_owned()])
    }

    /// The column of the key of a related row that is itself shown. The key is in a member of its own, whose name has a
    /// space: no field or alias has one.
    pub(in crate::query) fn of_key(name: &str) -> Self {
        Self { name: name.to_owned(), path: vec![format!("{name} key")] }
    }

    /// The same column of a related row.
    pub(in crate::query) fn below(&self, name: &str) -> Self {
        let path = std::iter::once(name).chain(self.path.iter().map(String::as_str));
        Self { name: format!("{name}.{}", self.name), path: path.map(str::to_owned).collect() }
    }
}
