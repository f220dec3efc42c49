-- T-SQL functions that DuckDB lacks or means otherwise, as macros.
CREATE OR REPLACE MACRO tsql_len(x) AS length(rtrim(CAST(x AS VARCHAR), ' '));
CREATE OR REPLACE MACRO tsql_idiv(a, b) AS
  CASE WHEN b = 0 THEN error('Divide by zero error encountered.') ELSE CAST(trunc(a / b) AS BIGINT) END;
CREATE OR REPLACE MACRO tsql_div(a, b) AS
  CASE WHEN b = 0 THEN error('Divide by zero error encountered.') ELSE a / b END;
-- Weeks begin on Sunday, whatever DATEFIRST says; week 1 holds January 1st.
CREATE OR REPLACE MACRO tsql_weeks(a, b) AS
  date_diff('day', date_trunc('week', CAST(a AS TIMESTAMP) + INTERVAL 1 DAY),
    date_trunc('week', CAST(b AS TIMESTAMP) + INTERVAL 1 DAY)) // 7;
CREATE OR REPLACE MACRO tsql_week(a) AS
  CAST(floor((dayofyear(CAST(a AS TIMESTAMP)) - 1
    + dayofweek(date_trunc('year', CAST(a AS TIMESTAMP)))) / 7) + 1 AS INTEGER);
CREATE OR REPLACE MACRO tsql_charindex(needle, hay) AS
  strpos(lower(CAST(hay AS VARCHAR)), lower(CAST(needle AS VARCHAR)));
CREATE OR REPLACE MACRO tsql_charindex_from(needle, hay, start) AS
  CASE WHEN strpos(substr(lower(CAST(hay AS VARCHAR)), greatest(start, 1)), lower(needle)) = 0 THEN 0
    ELSE strpos(substr(lower(CAST(hay AS VARCHAR)), greatest(start, 1)), lower(needle))
      + greatest(start, 1) - 1 END;
-- Style 0: 'Jan  5 2024  3:04PM'.
CREATE OR REPLACE MACRO tsql_style0(x) AS
  strftime(x, '%b ') || lpad(strftime(x, '%-d'), 2, ' ') || strftime(x, ' %Y ')
    || lpad(strftime(x, '%-I'), 2, ' ') || strftime(x, ':%M%p');
CREATE OR REPLACE MACRO tsql_mid(x, start, len) AS
  substr(CAST(x AS VARCHAR), greatest(start, 1), greatest(len + least(start - 1, 0), 0));
