-- Whoever speaks is not silent.
INSERT INTO session BY NAME SELECT * FROM heard
ON CONFLICT (session) DO UPDATE SET
    cluster = coalesce(excluded.cluster, session.cluster),
    first_ns = least(session.first_ns, excluded.first_ns),
    last_ns = greatest(session.last_ns, excluded.last_ns),
    word_ns = greatest(session.word_ns, excluded.word_ns),
    events = session.events + excluded.events,
    quarantined = session.quarantined + excluded.quarantined,
    silent_since_ns = NULL;
