//! The modules of a symbol.

/// The dark and light modules of a symbol, without quiet zone. Rows go from top to bottom, modules from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    width: usize,
    dark: Vec<bool>,
}

/// Dark modules side by side in one row, as many as there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Column of the first module, from 0.
    pub x: usize,
    /// Row, from 0 at the top.
    pub y: usize,
    /// Number of modules, at least 1.
    pub length: usize,
}

impl Matrix {
    /// A matrix from its rows, one after another. Modules of an incomplete last row are dropped.
    pub(crate) fn new(width: usize, mut dark: Vec<bool>) -> Self {
        dark.truncate(dark.len().checked_div(width).unwrap_or(0) * width);
        Self { width, dark }
    }

    /// Modules of a row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.dark.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether the module in column `x` of row `y` is dark; a module outside the symbol is light.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// All dark modules, those side by side in one run; top to bottom, left to right.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.dark.chunks_exact(self.width.max(1)).enumerate().flat_map(|(y, row)| {
            let mut x = 0;
            row.chunk_by(|a, b| a == b).filter_map(move |modules| {
                let run = Run { x, y, length: modules.len() };
                x += modules.len();
                modules.first().copied().unwrap_or(false).then_some(run)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_dark_modules_and_nothing_else() {
        let text = "##.#\n....\n.###\n####";
        let dark = text.bytes().filter(|byte| *byte != b'\n').map(|byte| byte == b'#').collect();
        let matrix = Matrix::new(4, dark);
        assert_eq!((matrix.width(), matrix.height()), (4, 4));
        let runs: Vec<_> = matrix.runs().map(|run| (run.x, run.y, run.length)).collect();
        assert_eq!(runs, [(0, 0, 2), (3, 0, 1), (1, 2, 3), (0, 3, 4)]);
        assert!(matrix.is_dark(3, 0) && !matrix.is_dark(2, 0) && !matrix.is_dark(4, 0) && !matrix.is_dark(0, 4));
    }
}
