-- Views on my_project.env_room. Every query should say which days it reads, or it reads everything
-- there is, up to the workgroup's limit. The table's partitions are the days of ts:
--
--   SELECT * FROM "my_project"."env_room" WHERE "ts" >= TIMESTAMP '2026-11-25 00:00:00 UTC' AND "ts" < TIMESTAMP '2026-11-26 00:00:00 UTC'

-- The newest record of each device that was heard of in the last 7 days. The bound
-- is in the view, because a condition from outside would come too late: after the newest was chosen.
CREATE OR REPLACE VIEW "my_project"."env_room_latest" AS
SELECT "device_id", "boot", "seq", CAST("ts" AS timestamp(6)) AS "ts", "meta", "temperature", "order", "motion", "state", "newest", "site", "sequence_number"
FROM (
  SELECT *, row_number() OVER (PARTITION BY "device_id" ORDER BY "ts" DESC, "boot" DESC, "seq" DESC) AS "newest_"
  FROM "my_project"."env_room"
  WHERE "ts" >= current_timestamp - interval '7' day
)
WHERE "newest_" = 1;

-- Each device by the hour: how many records, average, minimum and maximum of each number, and
-- the share of records in which a boolean was true. Records without a reading do not count for it.
-- It looks back 31 days: only a condition on ts itself, as here, is sure to bound what is read.
CREATE OR REPLACE VIEW "my_project"."env_room_hourly" AS
SELECT
  "device_id",
  date_trunc('hour', CAST("ts" AS timestamp(6))) AS "hour",
  count(*) AS "records",
  avg("temperature") AS "temperature_avg",
  min("temperature") AS "temperature_min",
  max("temperature") AS "temperature_max",
  avg("order") AS "order_avg",
  min("order") AS "order_min",
  max("order") AS "order_max",
  avg(CAST("motion" AS double)) AS "motion_share"
FROM "my_project"."env_room"
WHERE "ts" >= current_timestamp - interval '31' day
GROUP BY "device_id", date_trunc('hour', CAST("ts" AS timestamp(6)));

-- Whether anything is missing. A boot is one count of a device's records, from 1 without gaps, under a random name.
-- Opening the device's buffer begins another, at 1 again. So each number up to the last of a boot was given to a record,
-- and "missing" counts those that are not here, between the first and the last of the last 7 days: they are
-- on their way, among the dead letters, or lost on the device, which its Stats say. A number above the last was never
-- given, or its record is still to come, and nothing is owed from one boot to the next. What is before a "first_seq"
-- above 1 is older than 7 days, or missing too. Duplicates are 0, or something is wrong.
CREATE OR REPLACE VIEW "my_project"."env_room_gaps" AS
SELECT
  "device_id",
  "boot",
  min("seq") AS "first_seq",
  max("seq") AS "last_seq",
  count(DISTINCT "seq") AS "records",
  max("seq") - min("seq") + 1 - count(DISTINCT "seq") AS "missing",
  count(*) - count(DISTINCT "seq") AS "duplicates",
  CAST(min("ts") AS timestamp(6)) AS "first_ts",
  CAST(max("ts") AS timestamp(6)) AS "last_ts"
FROM "my_project"."env_room"
WHERE "seq" IS NOT NULL AND ("ts" >= current_timestamp - interval '7' day)
GROUP BY "device_id", "boot";
