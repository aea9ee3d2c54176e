#!/usr/bin/env python3
"""Compiles all mutants of a set into one build of the tests, behind a switch.

  tests/mutants/switch.py MUTANTS TREE TARGET OUTPUT -- CARGO_OPTION…

MUTANTS is the output of `cargo mutants --list --json`, TREE a copy of the sources, whose files this rewrites: an expression becomes
`(if crate::mutant(17) { MUTATED } else { ORIGINAL })`, and `mutant` compares with the environment variable MUTANT. The options are those
of `cargo test --no-run`. A mutant that does not compile is taken out, and the rest is compiled again.

OUTPUT gets `mutants.json` and the test binaries. Each mutant is `switched`, `unviable` (its own text has an error of types), or `slow`:
it cannot be behind a switch, as in a constant, or the error is elsewhere. `cargo mutants` tries the slow ones, one build each.

One difference to cargo-mutants: that replaces text, so `a - b * c` becomes `a - b + c`. Here the operands stay: `a - (b + c)`.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import tree_sitter
import tree_sitter_rust

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))
# Crates are compiled in this order; each takes the function from the one before.
SWITCH = '''
/// Whether the mutant with this number is on.
#[must_use]
pub fn mutant(number: u32) -> bool {
    static ON: std::sync::LazyLock<u32> =
        std::sync::LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0));
    *ON == number
}
'''
ROOTS = {
    "common/domain/src/lib.rs": SWITCH,
    "common/src/lib.rs": "\npub use domain::mutant;\n",
    "functions/reserve-codes/src/lib.rs": "\nuse common::mutant;\n",
    "functions/sweep/src/lib.rs": "\nuse common::mutant;\n",
}
# Errors that say that the text of a mutant is wrong in any build: types, traits, methods.
TYPES = {"E0061", "E0277", "E0308", "E0369", "E0599", "E0600", "E0604", "E0605", "E0606", "E0614"}
# Expressions in these are evaluated by the compiler, which reads no variable.
CONSTANT = {"const_item", "static_item", "const_block", "enum_variant", "array_type"}
MARK = re.compile(rb"/\*([<>{}])(\d+)\*/")


def up(node, *kinds):
    """The nearest node of one of the kinds: this or one around it."""
    while node is not None and node.type not in kinds:
        node = node.parent
    return node


def place_of(mutant):
    return mutant.get("range") or mutant.get("insert")


def has(node, *kinds):
    return node.type in kinds or any(has(child, *kinds) for child in node.children)


class Source:
    """A file and the places where it changes: a range of bytes, and what wraps the text there."""

    def __init__(self, path):
        self.path = path
        self.text = path.read_bytes()
        self.root = PARSER.parse(self.text).root_node
        self.lines = [0]
        for line in self.text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def offset(self, place):
        """The byte of a line and a column in characters, both from 1."""
        start = self.lines[place["line"] - 1]
        line = self.text[start : self.lines[place["line"]]].decode()
        return start + len(line[: place["column"] - 1].encode())

    def place(self, mutant):
        """Sets how the mutant is switched: `range` and `alternative`, or `insert` and `text`. If it cannot be, its state and why."""
        start, end = (self.offset(mutant["span"][side]) for side in ("start", "end"))
        node, new = self.root.descendant_for_byte_range(start, end), mutant["replacement"].encode()
        number, genre = mutant["number"], mutant["genre"]
        function = up(node, "function_item")
        constant = up(node, *CONSTANT)
        if constant and (function is None or constant.start_byte > function.start_byte):
            return "slow", "in a constant"
        if function is not None:
            modifiers = next((child for child in function.children if child.type == "function_modifiers"), None)
            if modifiers is not None and b"const" in modifiers.text.split():
                mutant["const"] = (modifiers.start_byte, function.child_by_field_name("name").text.decode())
        if genre == "FnValue":
            if "impl " in mutant["function"]["return_type"]:
                return "slow", "returns an impl, which is one type"
            body = function.child_by_field_name("body")
            mutant["insert"] = body.start_byte + 1
            mutant["text"] = b" if crate::mutant(%d) { return /*<%d*/%s/*>%d*/; } " % (number, number, new, number)
            return None
        if genre == "MatchArm":
            arm = up(node, "match_arm")
            mutant["insert"] = arm.child_by_field_name("pattern").end_byte
            mutant["text"] = b" if /*<%d*/!crate::mutant(%d)/*>%d*/" % (number, number, number)
            return None
        if genre == "MatchArmGuard":
            if has(node, "let_condition", "let_chain"):
                return "slow", "a guard with let"
            mutant["range"], mutant["alternative"] = (start, end), new
            return None
        kinds = {"BinaryOperator": ("binary_expression", "compound_assignment_expr"), "UnaryOperator": ("unary_expression",)}
        whole = up(node, "struct_expression") if genre == "StructField" else node.parent
        if whole is None or genre in kinds and whole.type not in kinds[genre]:
            # `||` beside `let` is an error of syntax.
            state = "unviable" if whole is not None and whole.type == "let_chain" else "slow"
            return state, f"in a {whole.type if whole else 'file'}"
        mutant["range"] = (whole.start_byte, whole.end_byte)
        mutant["alternative"] = self.text[whole.start_byte : start] + new + self.text[end : whole.end_byte]
        return None

    def rewritten(self, mutants):
        """The text with these mutants behind switches."""
        sites, changes = collections.defaultdict(list), []
        for mutant in mutants:
            if "range" in mutant:
                sites[mutant["range"]].append(mutant)
            else:
                changes.append((mutant["insert"], mutant["insert"], lambda _, text=mutant["text"]: text))
        for start in {mutant["const"][0] for mutant in mutants if "const" in mutant}:
            changes.append((start, start + len("const "), lambda _: b""))
        for (start, end), found in sites.items():
            changes.append((start, end, lambda text, found=found: switched(text, found)))
        changes.sort(key=lambda change: (change[0], -change[1]))
        return self.render(0, len(self.text), changes)

    def render(self, start, end, changes):
        parts = []
        while changes:
            first, last, wrap = changes[0]
            inner = [change for change in changes[1:] if last > first and change[0] < last]
            parts += [self.text[start:first], wrap(self.render(first, last, inner))]
            start, changes = last, changes[1 + len(inner) :]
        return b"".join(parts) + self.text[start:end]


def switched(text, mutants):
    """The expression behind the switches of its mutants. The marks say later to whom an error belongs."""
    site = mutants[0]["number"]
    branches = b"".join(
        b"if crate::mutant(%d) { /*<%d*/%s/*>%d*/ } else " % (m["number"], m["number"], m["alternative"], m["number"]) for m in mutants
    )
    return b"(/*{%d*/%s{ %s }/*}%d*/)" % (site, branches, text, site)


class Build:
    def __init__(self, mutants, tree, target, output, options):
        self.tree, self.target, self.output, self.options = tree, target, output, options
        self.mutants = mutants
        self.sources = {}
        for number, mutant in enumerate(mutants, start=1):
            mutant["number"] = number
            path = mutant["file"]
            if path not in self.sources:
                self.sources[path] = Source(tree / path)
            mutant["state"], mutant["reason"] = self.sources[path].place(mutant) or ("switched", "")
        for path, text in ROOTS.items():
            root = tree / path
            root.write_text(root.read_text() + text)
        self.written = {}

    def take_out(self, mutant, state, reason):
        if mutant["state"] == "switched":
            mutant["state"], mutant["reason"] = state, reason

    def write(self):
        for path, source in self.sources.items():
            text = source.rewritten([m for m in self.mutants if m["file"] == path and m["state"] == "switched"])
            # `lib.rs` of a crate is no file of a set.
            if self.written.get(path) != text:
                source.path.write_bytes(text)
                self.written[path] = text

    def compile(self):
        """The test binaries, as (package, name, path); or the errors of the compiler."""
        command = ["cargo", "test", "--no-run", "--message-format", "json", *self.options]
        environment = {**os.environ, "CARGO_TARGET_DIR": str(self.target)}
        done = subprocess.run(command, cwd=self.tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        binaries, errors = [], []
        for line in done.stdout.splitlines():
            message = json.loads(line) if line.startswith("{") else {}
            if message.get("executable") and message["profile"]["test"]:
                binaries.append((pathlib.Path(message["manifest_path"]).parent, message["target"]["name"], message["executable"]))
            elif message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
                errors.append(message["message"])
        if done.returncode and not errors:
            raise SystemExit(done.stderr)
        return binaries, errors

    def blame(self, error):
        """Takes out the mutants of an error. False if it belongs to none."""
        code = (error.get("code") or {}).get("code", "")
        reason = f"{code} {error['message']}".strip()
        if code == "E0015":
            # "cannot call non-const associated function `code::day::Day::of` in constants"
            name = re.search(r"`([^`]+)`", error["message"])[1].split("::")[-1]
            found = [m for m in self.mutants if m.get("const", ("", ""))[1] == name and m["state"] == "switched"]
            for mutant in found:
                self.take_out(mutant, "slow", f"in `const fn {name}`, which a constant calls")
            if found:
                return True
        spans = [span for span in error["spans"] if span["is_primary"] and span["file_name"] in self.written]
        found = [(kind, mutant) for span in spans for kind, mutant in self.marked(span, code)]
        for kind, own in found:
            if kind == b">":
                self.take_out(own, "unviable" if code in TYPES else "slow", reason)
            else:
                for mutant in self.mutants:
                    if mutant["file"] == own["file"] and place_of(mutant) == place_of(own):
                        self.take_out(mutant, "slow", reason)
        return bool(found)

    def marked(self, span, code):
        """The innermost mutant (`>`) or switched expression (`}`) around the place of an error, else all within it."""
        text, start, end = self.written[span["file_name"]], span["byte_start"], span["byte_end"]
        if code == "E0004":
            # An arm with a guard covers nothing. The place is what is matched.
            whole = up(PARSER.parse(text).root_node.descendant_for_byte_range(start, end), "match_expression")
            start, end = whole.start_byte, whole.end_byte
        extents, begun = [], {}
        for mark in MARK.finditer(text):
            kind, number = mark[1], int(mark[2])
            if kind in b"<{":
                begun[kind, number] = mark.start()
            else:
                extents.append((begun[b"<" if kind == b">" else b"{", number], mark.end(), kind, self.mutants[number - 1]))
        within = [(b"}", extent[3]) for extent in extents if start <= extent[0] and extent[1] <= end]
        if code == "E0004":
            return [(kind, mutant) for kind, mutant in within if mutant["genre"] == "MatchArm"]
        around = [extent for extent in extents if extent[0] <= start and end <= extent[1]]
        return [min(around, key=lambda extent: extent[1] - extent[0])[2:]] if around else within

    def run(self):
        while True:
            self.write()
            binaries, errors = self.compile()
            if not errors:
                break
            counted = sum(mutant["state"] == "switched" for mutant in self.mutants)
            strange = [error for error in errors if not self.blame(error) and error["spans"]]
            left = sum(mutant["state"] == "switched" for mutant in self.mutants)
            print(f"{len(errors)} errors, {counted - left} mutants taken out", flush=True)
            if left == counted:
                raise SystemExit("".join(error["rendered"] for error in strange))
        kept = []
        for folder, name, executable in binaries:
            copy = self.output / f"test-{name.replace('-', '_')}"
            shutil.copy2(executable, copy)
            kept.append({"name": name.replace("-", "_"), "path": str(copy), "folder": str(folder)})
        members = ("number", "name", "genre", "state", "reason")
        result = [{member: mutant[member] for member in members} for mutant in self.mutants]
        (self.output / "mutants.json").write_text(json.dumps({"mutants": result, "binaries": kept}, indent=1))
        print(dict(collections.Counter(mutant["state"] for mutant in self.mutants)))


def main():
    split = sys.argv.index("--")
    mutants, tree, target, output = (pathlib.Path(argument).resolve() for argument in sys.argv[1:split])
    output.mkdir(parents=True, exist_ok=True)
    Build(json.loads(mutants.read_text()), tree, target, output, sys.argv[split + 1 :]).run()


if __name__ == "__main__":
    main()
