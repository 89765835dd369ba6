"""Batches to rows: decode, fold, reconcile, group commit. The reducers are pure functions of events."""
