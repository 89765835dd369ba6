SELECT '' AS kind, creation_ns AS begin_ns, coalesce(start_ns, end_ns, {now}) AS until_ns FROM {relation}{where} AND creation_ns IS NOT NULL
