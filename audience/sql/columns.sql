-- The columns of an attached database. One row per relation and column.
select
    schema_name || '.' || table_name as relation,
    column_name,
    data_type
from duckdb_columns()
where database_name = getvariable('database')
