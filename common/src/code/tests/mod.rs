//! Tests of the whole module, through its public names.
