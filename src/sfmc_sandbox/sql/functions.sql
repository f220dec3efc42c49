-- T-SQL functions that DuckDB lacks or means otherwise, as macros.
CREATE OR REPLACE MACRO tsql_len(x) AS length(rtrim(CAST(x AS VARCHAR), ' '));
CREATE OR REPLACE MACRO tsql_idiv(a, b) AS
  CASE WHEN b = 0 THEN error('Divide by zero error encountered.') ELSE CAST(trunc(a / b) AS BIGINT) END;
CREATE OR REPLACE MACRO tsql_div(a, b) AS
  CASE WHEN b = 0 THEN error('Divide by zero error encountered.') ELSE a / b END;
CREATE OR REPLACE MACRO tsql_mod(a, b) AS
  CASE WHEN b = 0 THEN error('Divide by zero error encountered.') ELSE a % b END;
CREATE OR REPLACE MACRO tsql_same(x) AS x;
-- What comparisons see of text.
CREATE OR REPLACE MACRO tsql_rtrim(x) AS rtrim(x, ' ');
-- Text as a whole number: blank text is 0, a fraction is refused.
CREATE OR REPLACE MACRO tsql_try_int(x) AS
  CASE WHEN trim(x) = '' THEN 0
    WHEN regexp_full_match(trim(x), '[+-]?\d{1,18}') THEN TRY_CAST(trim(x) AS BIGINT) END;
CREATE OR REPLACE MACRO tsql_int(x) AS
  CASE WHEN x IS NULL THEN NULL WHEN tsql_try_int(x) IS NOT NULL THEN tsql_try_int(x)
    ELSE error('Conversion failed when converting the nvarchar value ''' || left(x, 100)
      || ''' to data type int.') END;
-- Text as a moment: as SQL Server reads it in us_english; blank text is the first day of 1900.
CREATE OR REPLACE MACRO tsql_try_moment(x) AS
  CASE WHEN trim(x) = '' THEN TIMESTAMP '1900-01-01'
    ELSE coalesce(TRY_CAST(trim(x) AS TIMESTAMP), try_strptime(trim(x), ['%m/%d/%Y %I:%M:%S %p',
      '%m/%d/%Y %I:%M %p', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%m/%d/%Y', '%Y%m%d',
      '%b %d %Y %I:%M%p', '%b %d %Y', '%d %b %Y'])) END;
CREATE OR REPLACE MACRO tsql_moment(x) AS
  CASE WHEN x IS NULL THEN NULL WHEN tsql_try_moment(x) IS NOT NULL THEN tsql_try_moment(x)
    ELSE error('Conversion failed when converting date and/or time from character string.') END;
-- A number counts days from 1900 on.
CREATE OR REPLACE MACRO tsql_day0(x) AS
  TIMESTAMP '1900-01-01' + to_microseconds(CAST(x * 86400000000 AS BIGINT));
-- Weeks begin on Sunday, whatever DATEFIRST says; week 1 holds January 1st.
CREATE OR REPLACE MACRO tsql_weeks(a, b) AS
  date_diff('day', date_trunc('week', CAST(a AS TIMESTAMP) + INTERVAL 1 DAY),
    date_trunc('week', CAST(b AS TIMESTAMP) + INTERVAL 1 DAY)) // 7;
CREATE OR REPLACE MACRO tsql_week(a) AS
  CAST(floor((dayofyear(CAST(a AS TIMESTAMP)) - 1
    + dayofweek(date_trunc('year', CAST(a AS TIMESTAMP)))) / 7) + 1 AS INTEGER);
CREATE OR REPLACE MACRO tsql_charindex(needle, hay) AS
  CASE WHEN needle = '' THEN 0 ELSE strpos(lower(hay), lower(needle)) END;
CREATE OR REPLACE MACRO tsql_charindex_from(needle, hay, start) AS
  CASE WHEN needle = '' THEN 0
    WHEN strpos(substr(lower(hay), greatest(start, 1)), lower(needle)) = 0 THEN 0
    ELSE strpos(substr(lower(hay), greatest(start, 1)), lower(needle)) + greatest(start, 1) - 1 END;
-- Text is found in whatever case.
CREATE OR REPLACE MACRO tsql_replace(x, old, new) AS
  CASE WHEN old = '' AND new IS NOT NULL THEN x
    ELSE regexp_replace(x, regexp_escape(old), replace(new, '\', '\\'), 'gi') END;
CREATE OR REPLACE MACRO tsql_stuff(x, start, len, new) AS
  CASE WHEN start < 1 OR start > length(x) OR len < 0 THEN NULL
    ELSE left(x, start - 1) || coalesce(new, '') || substr(x, start + len) END;
CREATE OR REPLACE MACRO tsql_datalength(x) AS length(x) * 2;  -- nvarchar: two bytes each
CREATE OR REPLACE MACRO tsql_quotename(x) AS '[' || replace(x, ']', ']]') || ']';
CREATE OR REPLACE MACRO tsql_isdate(x) AS
  CASE WHEN trim(x) <> '' AND tsql_try_moment(x) IS NOT NULL THEN 1 ELSE 0 END;
CREATE OR REPLACE MACRO tsql_isnumeric(x) AS
  CASE WHEN TRY_CAST(trim(x) AS DOUBLE) IS NOT NULL THEN 1 ELSE 0 END;
CREATE OR REPLACE MACRO tsql_digits(x, n) AS
  CASE WHEN x < 0 THEN '-' ELSE '' END
    || lpad(CAST(abs(x) AS VARCHAR), greatest(n, length(CAST(abs(x) AS VARCHAR)))::INTEGER, '0');
-- Style 0: 'Jan  5 2024  3:04PM'.
CREATE OR REPLACE MACRO tsql_style0(x) AS
  strftime(x, '%b ') || lpad(strftime(x, '%-d'), 2, ' ') || strftime(x, ' %Y ')
    || lpad(strftime(x, '%-I'), 2, ' ') || strftime(x, ':%M%p');
-- Style 109: 'Jan  5 2024  3:04:05:000PM'; 126 writes milliseconds when there are any.
CREATE OR REPLACE MACRO tsql_style109(x) AS
  strftime(x, '%b ') || lpad(strftime(x, '%-d'), 2, ' ') || strftime(x, ' %Y ')
    || lpad(strftime(x, '%-I'), 2, ' ') || strftime(x, ':%M:%S:%g%p');
CREATE OR REPLACE MACRO tsql_style126(x) AS
  CASE WHEN date_part('millisecond', x) % 1000 = 0 THEN strftime(x, '%Y-%m-%dT%H:%M:%S')
    ELSE strftime(x, '%Y-%m-%dT%H:%M:%S.%g') END;
CREATE OR REPLACE MACRO tsql_mid(x, start, len) AS
  substr(CAST(x AS VARCHAR), greatest(start, 1), greatest(len + least(start - 1, 0), 0));
