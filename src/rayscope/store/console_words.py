"""What a question in SQL may be made of. All lists are of what is allowed; what is not in one is refused."""

from __future__ import annotations

from typing import Final

NODES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""Kinds of queries: a CTE may also hold DELETE, INSERT and the like, whose nodes are others."""

RELATIONS: Final = frozenset({"EMPTY", "BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST", "PIVOT"})

PARTS: Final = frozenset(
    {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER", "ORDER_DEFAULT", "ASCENDING", "DESCENDING", "ORDER_ASCENDING"}
)
"""Parts of a query that hold only expressions."""

EXPRESSIONS: Final = frozenset(
    {
        "FUNCTION", "POSITIONAL_REFERENCE", "BETWEEN", "COMPARISON", "CONJUNCTION", "CAST", "LAMBDA", "LAMBDA_REF", "WINDOW", "OPERATOR", "STAR", "CASE",
        "SUBQUERY", "CONSTANT", "COLUMN_REF", "TYPE", "COLLATE", "DEFAULT",
    }
)  # fmt: skip

TABLE_FUNCTIONS: Final = frozenset({"unnest", "range", "generate_series", "json_each"})

REFUSED_FUNCTIONS: Final = frozenset(
    {
        # settings, sessions, what the engine knows of itself
        "current_setting", "getvariable", "current_query", "current_query_id", "current_connection_id", "current_transaction_id", "txid_current", "version",
        "current_database", "current_catalog", "current_schema", "current_schemas", "current_user", "current_role", "session_user", "user", "in_search_path",
        # what changes something, or waits
        "nextval", "currval", "setval", "setseed", "write_log", "sleep_ms", "error", "assert_true",
        # plans and statements as values
        "json_serialize_sql", "json_deserialize_sql", "json_serialize_plan", "parse_duckdb_log_message",
        # a single call can make a value of any size, of memory that the engine does not count
        "repeat", "lpad", "rpad", "range", "generate_series", "generate_subscripts", "list_resize", "array_resize", "printf", "format", "bar",
        # internal values
        "create_sort_key", "stats", "vector_type", "cast_to_type", "make_type", "replace_type", "finalize", "combine", "invoke", "remap_struct", "index_key",
        "to_aggregate_state", "get_block_size",
    }
)  # fmt: skip

REFUSED_PREFIXES: Final = ("pg_", "inet_", "has_", "duckdb_", "pragma_", "__", "read_", "hive_", "parse_dir", "parse_path", "parse_file", "path_")
