"""Query activities: T-SQL read by sqlglot, refused as SFMC refuses, run by DuckDB (section 6)."""
