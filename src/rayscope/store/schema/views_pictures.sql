-- Macros that pictures share: what counts as running, and what an error says in a line.

CREATE OR REPLACE MACRO is_running(state) AS state IN ('RUNNING', 'RUNNING_IN_RAY_GET', 'RUNNING_IN_RAY_WAIT');

CREATE OR REPLACE MACRO is_bad(state) AS state IN ('FAILED', 'LOST');

CREATE OR REPLACE MACRO is_over(state) AS state IN ('FINISHED', 'FAILED', 'LOST');

-- The line that says most: of a traceback the last one that is not indented, of any other text the first.
CREATE OR REPLACE MACRO error_line(message) AS
left(coalesce(
    CASE WHEN contains(message, 'Traceback') OR starts_with(message, 'User exception') OR contains(message, 'ray::')
        THEN list_last(list_filter(string_split(message, chr(10)), lambda line: regexp_matches(line, '^[^\s]') AND NOT starts_with(line, 'User exception')))
    END,
    list_filter(string_split(message, chr(10)), lambda line: regexp_matches(line, '\S'))[1],
    message
), 400);

-- The same with what differs from case to case folded away: numbers, addresses, ids.
CREATE OR REPLACE MACRO folded_line(line) AS regexp_replace(line, '0x[0-9a-fA-F]+|\b[0-9a-f]{8,}\b|\d+(\.\d+)*', '#', 'g');
