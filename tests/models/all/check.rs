//! Runs the checker: exhaustively for a protocol that must hold, and until the first breach for one that must not.
//!
//! [`exhaust`] visits every reachable state twice: once with stateright, which checks the properties and finds the
//! shortest counterexample, and once here, to see that from every state the end can still be reached. The second pass
//! replaces stateright's `eventually`, which misses counterexamples where two paths meet or a path closes a circle.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt::{Debug, Write as _},
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use domain::reservation::invariants::Breach;
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// The threads of one check. The tests of the models run beside one another.
const THREADS: usize = 2;

/// Whether `tests/models/run` asks for the larger bounds.
pub(crate) fn is_large() -> bool {
    std::env::var("MODEL_BOUNDS").is_ok_and(|bounds| bounds == "large")
}

/// A model whose runs can be printed and whose faults end.
pub(crate) trait Protocol: Model<State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static> {
    /// The bounds in words.
    fn bounds(&self) -> String;

    /// A state in one line.
    fn line(&self, state: &Self::State) -> String;

    /// The invariants that a state breaks, for the end of a counterexample.
    fn broken(&self, _: &Self::State) -> Vec<Breach> {
        vec![]
    }

    /// Whether everything has come to an end as it must (RSV-5).
    fn is_end(&self, state: &Self::State) -> bool;
}

/// Checks a protocol that must hold: all properties in every state within the bounds, every `sometimes` reached, and
/// the end reachable from everywhere. Prints the number of states and the time.
pub(crate) fn exhaust<P>(name: &str, model: P)
where
    P: Protocol + Clone + Send + Sync + 'static,
    P::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let begun = Instant::now();
    let checker = model.clone().checker().threads(THREADS).spawn_bfs().join();
    let (unique, all, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    let checked = begun.elapsed();
    for property in model.properties() {
        let found = checker.discovery(property.name).map(|path| path.into_actions());
        match (property.expectation, found) {
            (Expectation::Sometimes, None) => panic!("{name}: never \"{}\" in {unique} states", property.name),
            (Expectation::Sometimes, Some(_)) | (_, None) => {}
            (_, Some(actions)) => panic!("{name}: \"{}\" fails:\n{}", property.name, story(&model, &actions)),
        }
    }
    let begun = Instant::now();
    let mut graph = Graph::of(&model, |_| false);
    assert_eq!(graph.states.len(), unique, "{name}: two searches find the same states");
    if let Some(actions) = graph.trap(&model) {
        panic!("{name}: from here the end cannot be reached:\n{}", story(&model, &actions));
    }
    println!(
        "{name}: {unique} states, {all} steps, depth {depth}, properties {:.1} s, end reachable {:.1} s; {}",
        checked.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        model.bounds(),
    );
}

/// Checks a protocol that must not hold, and prints the shortest run that breaks it. The broken property must be the one
/// expected.
pub(crate) fn refute<P>(name: &str, model: P, property: &'static str) -> String
where
    P: Protocol + Clone + Send + Sync + 'static,
    P::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let begun = Instant::now();
    let wanted = model.property(property).condition;
    let finish = HasDiscoveries::AllOf([property].into());
    let checker = model.clone().checker().finish_when(finish).spawn_bfs().join();
    let unique = checker.unique_state_count();
    if checker.discovery(property).is_none() {
        panic!("{name}: \"{property}\" holds in all {unique} states, but a counterexample is expected");
    }
    // The checker goes on for a while after the first counterexample and keeps the last. This search finds the shortest.
    let graph = Graph::of(&model, |state| !wanted(&model, state));
    let last = u32::try_from(graph.parents.len() - 1).unwrap();
    let story = story(&model, &graph.way(&model, last));
    println!("{name}: \"{property}\" fails, as it must ({:.1} s):\n{story}", begun.elapsed().as_secs_f64());
    story
}

/// A run, one line for each action with the state that it leads to.
fn story<P: Protocol>(model: &P, actions: &[P::Action]) -> String
where
    P::Action: Clone + Debug,
{
    let mut state = model.init_states().swap_remove(0);
    let mut text = format!("      {}\n", model.line(&state));
    for (number, action) in actions.iter().enumerate() {
        state = model.next_state(&state, action.clone()).expect("an action of the run");
        let _ = writeln!(text, "{:3}. {action:?}\n      {}", number + 1, model.line(&state));
    }
    for Breach { id, found } in model.broken(&state) {
        let _ = writeln!(text, "      {id}: {found}");
    }
    text
}

/// All states and steps of a model.
struct Graph {
    /// The fingerprint of each state, and its number.
    states: HashMap<u64, u32>,
    /// From where each state was first reached, and by which action.
    parents: Vec<(u32, u32)>,
    /// Pairs of numbers: to, from.
    steps: Vec<(u32, u32)>,
    ends: Vec<u32>,
}

fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

impl Graph {
    /// All states, or those up to the first that `is_last` names.
    fn of<P: Protocol>(model: &P, is_last: impl Fn(&P::State) -> bool) -> Self {
        let first = model.init_states().swap_remove(0);
        let states = HashMap::from([(fingerprint(&first), 0)]);
        let mut graph = Self { states, parents: vec![(0, 0)], steps: Vec::new(), ends: Vec::new() };
        let mut open = std::collections::VecDeque::from([(0, first)]);
        let mut actions = Vec::new();
        while let Some((from, state)) = open.pop_front() {
            if model.is_end(&state) {
                graph.ends.push(from);
            }
            model.actions(&state, &mut actions);
            for (action, wanted) in (0_u32..).zip(actions.drain(..)) {
                let Some(next) = model.next_state(&state, wanted) else { continue };
                let number = u32::try_from(graph.states.len()).unwrap();
                match graph.states.entry(fingerprint(&next)) {
                    Entry::Occupied(known) => graph.steps.push((*known.get(), from)),
                    Entry::Vacant(new) => {
                        new.insert(number);
                        graph.parents.push((from, action));
                        graph.steps.push((number, from));
                        if is_last(&next) {
                            return graph;
                        }
                        open.push_back((number, next));
                    }
                }
            }
        }
        graph
    }

    /// The way to a state from which no end can be reached, if there is one.
    fn trap<P: Protocol>(&mut self, model: &P) -> Option<Vec<P::Action>>
    where
        P::Action: Clone,
    {
        self.steps.sort_unstable();
        let mut good = vec![false; self.parents.len()];
        let mut open = std::mem::take(&mut self.ends);
        while let Some(state) = open.pop() {
            if std::mem::replace(&mut good[state as usize], true) {
                continue;
            }
            let first = self.steps.partition_point(|(to, _)| *to < state);
            open.extend(self.steps[first..].iter().take_while(|(to, _)| *to == state).map(|(_, from)| *from));
        }
        let trap = u32::try_from(good.iter().position(|good| !good)?).unwrap();
        Some(self.way(model, trap))
    }

    /// The actions that lead to a state.
    fn way<P: Protocol>(&self, model: &P, to: u32) -> Vec<P::Action>
    where
        P::Action: Clone,
    {
        let mut state = to;
        let mut indexes = Vec::new();
        while state != 0 {
            let (parent, action) = self.parents[state as usize];
            indexes.push(action as usize);
            state = parent;
        }
        let mut at = model.init_states().swap_remove(0);
        let mut way = Vec::new();
        for index in indexes.into_iter().rev() {
            let mut actions = Vec::new();
            model.actions(&at, &mut actions);
            at = model.next_state(&at, actions[index].clone()).expect("an action of the run");
            way.push(actions.swap_remove(index));
        }
        way
    }
}
