-- Views on my_project.env_room. Every query should say which days it reads, or it reads everything
-- there is, up to the workgroup's limit. "year", "month" and "day" are the table's partitions:
--
--   SELECT * FROM "my_project"."env_room_hourly" WHERE "year" = 2026 AND "month" = 11 AND "day" = 25

-- The newest record of each device that was heard of in the last 7 days. The bound
-- is in the view, because a condition from outside would come too late: after the newest was chosen.
CREATE OR REPLACE VIEW "my_project"."env_room_latest" AS
SELECT "device_id", "boot", "seq", "ts", "meta", "temperature", "order", "motion", "state", "newest", "site", "sequence_number", "year", "month", "day"
FROM (
  SELECT *, row_number() OVER (PARTITION BY "device_id" ORDER BY "ts" DESC, "boot" DESC, "seq" DESC) AS "newest_"
  FROM "my_project"."env_room"
  WHERE ("year" = year(current_date + interval '1' day) AND "month" = month(current_date + interval '1' day) AND "day" = day(current_date + interval '1' day))
    OR ("year" = year(current_date) AND "month" = month(current_date) AND "day" = day(current_date))
    OR ("year" = year(current_date - interval '1' day) AND "month" = month(current_date - interval '1' day) AND "day" = day(current_date - interval '1' day))
    OR ("year" = year(current_date - interval '2' day) AND "month" = month(current_date - interval '2' day) AND "day" = day(current_date - interval '2' day))
    OR ("year" = year(current_date - interval '3' day) AND "month" = month(current_date - interval '3' day) AND "day" = day(current_date - interval '3' day))
    OR ("year" = year(current_date - interval '4' day) AND "month" = month(current_date - interval '4' day) AND "day" = day(current_date - interval '4' day))
    OR ("year" = year(current_date - interval '5' day) AND "month" = month(current_date - interval '5' day) AND "day" = day(current_date - interval '5' day))
    OR ("year" = year(current_date - interval '6' day) AND "month" = month(current_date - interval '6' day) AND "day" = day(current_date - interval '6' day))
)
WHERE "newest_" = 1;

-- Each device by the hour: how many records, average, minimum and maximum of each number, and
-- the share of records in which a boolean was true. Records without a reading do not count for it.
-- A condition on "year", "month" and "day" from outside bounds what is read.
CREATE OR REPLACE VIEW "my_project"."env_room_hourly" AS
SELECT
  "device_id",
  date_trunc('hour', "ts") AS "hour",
  count(*) AS "records",
  avg("temperature") AS "temperature_avg",
  min("temperature") AS "temperature_min",
  max("temperature") AS "temperature_max",
  avg("order") AS "order_avg",
  min("order") AS "order_min",
  max("order") AS "order_max",
  avg(CAST("motion" AS double)) AS "motion_share",
  "year", "month", "day"
FROM "my_project"."env_room"
GROUP BY "device_id", date_trunc('hour', "ts"), "year", "month", "day";

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
  min("ts") AS "first_ts",
  max("ts") AS "last_ts"
FROM "my_project"."env_room"
WHERE "seq" IS NOT NULL AND (("year" = year(current_date + interval '1' day) AND "month" = month(current_date + interval '1' day) AND "day" = day(current_date + interval '1' day))
    OR ("year" = year(current_date) AND "month" = month(current_date) AND "day" = day(current_date))
    OR ("year" = year(current_date - interval '1' day) AND "month" = month(current_date - interval '1' day) AND "day" = day(current_date - interval '1' day))
    OR ("year" = year(current_date - interval '2' day) AND "month" = month(current_date - interval '2' day) AND "day" = day(current_date - interval '2' day))
    OR ("year" = year(current_date - interval '3' day) AND "month" = month(current_date - interval '3' day) AND "day" = day(current_date - interval '3' day))
    OR ("year" = year(current_date - interval '4' day) AND "month" = month(current_date - interval '4' day) AND "day" = day(current_date - interval '4' day))
    OR ("year" = year(current_date - interval '5' day) AND "month" = month(current_date - interval '5' day) AND "day" = day(current_date - interval '5' day))
    OR ("year" = year(current_date - interval '6' day) AND "month" = month(current_date - interval '6' day) AND "day" = day(current_date - interval '6' day)))
GROUP BY "device_id", "boot";
