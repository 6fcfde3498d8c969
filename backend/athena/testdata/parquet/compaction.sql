-- From many small files to few large ones, a day at a time, of days that are over.
--
-- Rewriting files in place would show readers each record twice or not at all for a while, since
-- nothing in Athena replaces the files of a Parquet table in one step, and what a failed INSERT
-- wrote stays (https://docs.aws.amazon.com/athena/latest/ug/insert-into.html). So a day is
-- copied to a second table, in Apache Iceberg, where a statement happens at once or not at all,
-- and a view takes each day from one of the two tables. Queries of env_room_all never see a
-- record twice. Any statement may be repeated, but not run twice at the same time.
--
-- Put the day, one that is over, in place of 1 January 2026. Replace my-project-lake-ACCOUNT-REGION by the bucket's name.

-- 1. The second table, once. When the schema has new fields, it needs their columns too:
-- ALTER TABLE `my_project`.`env_room_compact` ADD COLUMNS (NAME TYPE)
CREATE TABLE IF NOT EXISTS `my_project`.`env_room_compact` (
  `device_id` string,
  `boot` string,
  `seq` bigint,
  `ts` timestamp,
  `meta` map<string,string>,
  `temperature` double,
  `order` bigint,
  `motion` boolean,
  `state` string,
  `newest` string,
  `site` string,
  `sequence_number` string,
  `year` int,
  `month` int,
  `day` int
)
PARTITIONED BY (`year`, `month`, `day`)
LOCATION 's3://my-project-lake-ACCOUNT-REGION/iceberg/env_room_compact/'
TBLPROPERTIES (
  'table_type' = 'ICEBERG',
  'format' = 'parquet',
  'write_compression' = 'zstd'
);

-- 2. Copies the records of a day that are not there yet: by their ids or, if they have none, by the
-- Kinesis record that they came in. Repeat it for days into which late records came, which
-- statement 3 tells.
INSERT INTO "my_project"."env_room_compact" ("device_id", "boot", "seq", "ts", "meta", "temperature", "order", "motion", "state", "newest", "site", "sequence_number", "year", "month", "day")
SELECT s."device_id", s."boot", s."seq", CAST(s."ts" AS timestamp(6)), s."meta", s."temperature", s."order", s."motion", s."state", s."newest", s."site", s."sequence_number", s."year", s."month", s."day"
FROM (SELECT * FROM "my_project"."env_room" WHERE "year" = 2026 AND "month" = 1 AND "day" = 1) AS s
LEFT JOIN (SELECT * FROM "my_project"."env_room_compact" WHERE "year" = 2026 AND "month" = 1 AND "day" = 1) AS c
  ON c."device_id" = s."device_id"
  AND coalesce(c."boot", '') = coalesce(s."boot", '') AND coalesce(c."seq", 0) = coalesce(s."seq", 0)
  AND CASE WHEN c."seq" IS NULL THEN c."sequence_number" ELSE '' END = CASE WHEN s."seq" IS NULL THEN s."sequence_number" ELSE '' END
  AND c."year" = s."year" AND c."month" = s."month" AND c."day" = s."day"
WHERE c."device_id" IS NULL;

-- 3. How many records of the day are not in the second table. Go on if it is 0.
SELECT count(*) AS "not_copied"
FROM (SELECT * FROM "my_project"."env_room" WHERE "year" = 2026 AND "month" = 1 AND "day" = 1) AS s
LEFT JOIN (SELECT * FROM "my_project"."env_room_compact" WHERE "year" = 2026 AND "month" = 1 AND "day" = 1) AS c
  ON c."device_id" = s."device_id"
  AND coalesce(c."boot", '') = coalesce(s."boot", '') AND coalesce(c."seq", 0) = coalesce(s."seq", 0)
  AND CASE WHEN c."seq" IS NULL THEN c."sequence_number" ELSE '' END = CASE WHEN s."seq" IS NULL THEN s."sequence_number" ELSE '' END
  AND c."year" = s."year" AND c."month" = s."month" AND c."day" = s."day"
WHERE c."device_id" IS NULL;

-- 4. What to ask from now on, once: days that are in the second table come from there, all others from
-- the first. A day changes over in the moment in which statement 2 commits. Late records of such a day
-- are seen when statement 2 has copied them.
CREATE OR REPLACE VIEW "my_project"."env_room_all" AS
SELECT "device_id", "boot", "seq", "ts", "meta", "temperature", "order", "motion", "state", "newest", "site", "sequence_number", "year", "month", "day"
FROM "my_project"."env_room_compact"
UNION ALL
SELECT s."device_id", s."boot", s."seq", s."ts", s."meta", s."temperature", s."order", s."motion", s."state", s."newest", s."site", s."sequence_number", s."year", s."month", s."day"
FROM "my_project"."env_room" AS s
LEFT JOIN (SELECT DISTINCT "year", "month", "day" FROM "my_project"."env_room_compact") AS c
  ON c."year" = s."year" AND c."month" = s."month" AND c."day" = s."day"
WHERE c."year" IS NULL;

-- 5. Makes the files of the second table larger if statement 2 was repeated, and removes what no
-- snapshot needs any more. Run either again as long as it says that more runs are needed.
OPTIMIZE "my_project"."env_room_compact" REWRITE DATA USING BIN_PACK WHERE "year" = 2026 AND "month" = 1 AND "day" = 1;

VACUUM "my_project"."env_room_compact";
