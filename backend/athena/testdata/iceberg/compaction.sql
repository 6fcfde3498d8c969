-- From many small files to few large ones. Each statement happens at once or not at all, so
-- readers and the running job never notice. Files that are large already are left alone. There is no
-- condition on the days: Athena takes one on columns that the table is partitioned by, and this
-- one is partitioned by days(ts) (https://docs.aws.amazon.com/athena/latest/ug/optimize-statement.html).
-- Run it again as long as it says that more runs are needed.
OPTIMIZE "my_project"."env_room" REWRITE DATA USING BIN_PACK;

-- Removes files that no snapshot needs any more. Likewise.
VACUUM "my_project"."env_room";
